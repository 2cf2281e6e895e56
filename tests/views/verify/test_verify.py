"""Verification finds each row that the topic does not explain, on a real Kafka and a real PostgreSQL."""

from contextlib import closing

import pytest
from confluent_kafka import TopicPartition

from metrics.views import schema
from metrics.views.verify.findings import Verdict
from metrics.wording.errors import DatabaseError, StateError
from tests.kafka.application import TIMEOUT_S
from tests.views.core.test_recount import MIDNIGHT, line
from tests.views.verify.filled import ENDS, LARGE, RECORDS, Topic, differing, recounted


@pytest.fixture
def topic(bootstrap_servers: str, database_url: str) -> Topic:
    return Topic(bootstrap_servers, database_url)


@pytest.fixture
def filled(topic: Topic) -> Topic:
    """Give a topic with RECORDS, and the tables that follow from them."""
    topic.send(RECORDS)
    topic.fill(recounted(RECORDS), ENDS)
    return topic


def test_tables_that_follow_from_the_topic_agree(filled: Topic) -> None:
    found = filled.verified().findings
    assert found.verdict is Verdict.AGREES
    assert found.records == 9
    assert {name: of.rows for name, of in found.compared.items()} == {
        "invalid": 1,
        "seen": 6,
        "counts": 3,
        "viewer": 4,
        "user_media": 3,
        "media": 3,
        "media_quarter": 3,
        "quarter": 3,
        "media_minute": 4,
        "minute": 4,
        "counts = viewer": 1,
    }


def test_records_after_the_offsets_of_the_tables_are_not_read(filled: Topic) -> None:
    filled.send([(0, line("z", 9, 9))])
    assert filled.verified().findings.verdict is Verdict.AGREES


def test_what_is_committed_after_the_snapshot_is_not_seen(filled: Topic) -> None:
    more = [(0, line("z", 9, 9))]
    with filled.opened() as opened:
        filled.send(more)
        filled.execute("UPDATE consumed SET next_offset = 6 WHERE partition = 0", "DELETE FROM viewer")
        opened.recount(lambda _: None)
        opened.compare(lambda _: None)
    assert opened.findings.verdict is Verdict.AGREES


def test_of_an_id_in_two_partitions_the_event_counts_whose_partition_the_database_has(topic: Topic) -> None:
    topic.send(RECORDS)
    # Partition 2 was counted first, so the event "a" is that of user 2.
    records = [*RECORDS[-2:], *RECORDS[:-2]]
    topic.fill(recounted(records), ENDS)
    assert topic.verified().findings.verdict is Verdict.AGREES


WRONG = {
    "UPDATE media SET waypoints = waypoints + 1 WHERE media_id = 7": {"media": 1},
    "UPDATE media SET sum_sq = 6 WHERE media_id = 7": {"media": 1},
    f"UPDATE media SET media_id = {2**53} WHERE media_id = {LARGE}": {"media": 2},
    "DELETE FROM user_media WHERE user_id = 2": {"user_media": 1},
    "INSERT INTO user_media VALUES (5, 5, 1)": {"user_media": 1},
    "INSERT INTO viewer VALUES (99); UPDATE counts SET users = users + 1 WHERE partition = 0": {"viewer": 1},
    "UPDATE counts SET users = users + 1 WHERE partition = 1": {"counts = viewer": 1},
    "UPDATE counts SET duplicates = duplicates - 1, counted = counted + 1 WHERE partition = 0": {"counts": 1},
    "INSERT INTO counts VALUES (7, 1, 0, 0, 1, 0)": {"counts": 1},
    "UPDATE media_quarter SET ends = 1 WHERE media_id = 7": {"media_quarter": 1},
    "UPDATE media_minute SET start_at = start_at + interval '1 hour' WHERE media_id = 7 AND starts = 1": {
        "media_minute": 2
    },
    "UPDATE quarter SET stops = 1": {"quarter": 3},
    "DELETE FROM minute": {"minute": 4},
    "UPDATE invalid SET reasons = '{wrong}'": {"invalid": 1},
    "DELETE FROM invalid": {"invalid": 1},
    "INSERT INTO invalid SELECT topic_id, 2, 1, '{wrong}' FROM invalid": {"invalid": 1},
    "INSERT INTO seen VALUES ('00000000-0000-0000-0000-000000000000', 1)": {"seen": 1},
    "UPDATE seen SET partition = 2 WHERE partition = 1": {"seen": 2},
}


def test_each_wrong_row_is_found(filled: Topic) -> None:
    tables = "counts, seen, invalid, viewer, media, user_media, media_quarter, media_minute, quarter, minute"
    for statement, expected in WRONG.items():
        filled.execute(*statement.split("; "))
        found = filled.verified()
        assert expected.items() <= differing(found).items(), statement
        # What is counted from one partition in place of another changes the sums, too.
        assert statement.startswith("UPDATE seen") or differing(found) == expected, statement
        assert found.findings.verdict is Verdict.DIFFERS
        filled.execute(f"TRUNCATE {tables}, consumed")
        filled.fill(recounted(RECORDS), ENDS)
    assert filled.verified().findings.verdict is Verdict.AGREES


def test_an_id_that_is_missing_counts_again_but_once(filled: Topic) -> None:
    filled.execute("DELETE FROM seen")
    assert differing(filled.verified()) == {"seen": 6}


def test_of_many_differences_only_the_first_are_kept(filled: Topic) -> None:
    filled.execute("DELETE FROM media_minute")
    found = filled.verified(most=2).findings.compared["media_minute"]
    assert found.differences == 4
    #  the key is (start, item); the other columns are waypoints, starts, stops, ends
    assert [tuple(kept) for kept in found.kept] == [
        ((MIDNIGHT - 60, LARGE - 1), (0, 0, 0, 1), None),
        ((MIDNIGHT, 7), (1, 1, 0, 0), None),
    ]


def test_rows_of_minutes_that_are_not_kept_do_not_count(topic: Topic) -> None:
    topic.send(RECORDS)
    topic.fill(recounted(RECORDS, since=MIDNIGHT), ENDS, since=MIDNIGHT)
    topic.execute("INSERT INTO minute VALUES (to_timestamp(60), 5, 5, 5, 5)")  # not deleted yet
    found = topic.verified().findings
    assert (found.verdict, found.compared["minute"].rows) == (Verdict.AGREES, 3)


def test_nothing_is_compared_before_anything_is_counted(topic: Topic) -> None:
    assert topic.verified().findings.verdict is Verdict.NOTHING


def test_without_the_first_records_ids_errors_and_sums_between_tables_are_compared(filled: Topic) -> None:
    name = filled.settings.views_topic
    place = TopicPartition(name, 0, 2)
    filled.admin.delete_records([place])[place].result(TIMEOUT_S)

    found = filled.verified().findings
    assert found.verdict is Verdict.PARTLY
    assert found.remarks == [
        f"{name}/0 now begins at offset 2 and ends at 5: 2 records that were counted cannot be counted again"
    ]
    assert found.compared["seen"].rows == 5  # the event "a" is gone, the second "b" is left
    assert found.compared["counts"].rows == 2

    for statement, table in {
        "UPDATE media SET waypoints = 9 WHERE media_id = 7": "media = user_media",
        "UPDATE quarter SET stops = 9": "quarter = media_quarter",
        "UPDATE media_minute SET ends = 9 WHERE media_id = 7": "minute = media_minute",
        "DELETE FROM viewer": "viewer = user_media",
        "DELETE FROM invalid": "invalid",
    }.items():
        filled.execute(statement)
        assert table in differing(filled.verified()), statement


def test_records_that_were_gone_before_they_were_read_are_no_loss(topic: Topic) -> None:
    topic.send([(0, line("x", 5, 5)), *RECORDS])
    place = TopicPartition(topic.settings.views_topic, 0, 1)
    topic.admin.delete_records([place])[place].result(TIMEOUT_S)
    recount = recounted(RECORDS)
    recount.invalid = {(partition, offset + 1): reasons for (partition, offset), reasons in recount.invalid.items()}
    topic.fill(recount, ENDS | {0: 6})
    assert topic.verified().findings.verdict is Verdict.AGREES


def test_a_recreated_topic_another_cluster_and_another_topic_are_refused(filled: Topic) -> None:
    filled.admin.delete_topics([filled.settings.views_topic])[filled.settings.views_topic].result(TIMEOUT_S)
    filled.create()
    with pytest.raises(StateError, match="was deleted and recreated"):
        filled.verified()
    filled.execute("UPDATE consumed SET cluster_id = 'other'")
    with pytest.raises(StateError, match="of another cluster"):
        filled.verified()
    filled.execute("UPDATE consumed SET topic = 'other'")
    with pytest.raises(StateError, match="has the events of another topic") as raised:
        filled.verified()
    assert "VIEWS_SCHEMA" in raised.value.hint


def test_what_was_counted_from_a_former_topic_is_not_counted_again(filled: Topic) -> None:
    filled.admin.delete_topics([filled.settings.views_topic])[filled.settings.views_topic].result(TIMEOUT_S)
    filled.create()
    filled.execute(  # as `views count --accept-loss` does
        f"INSERT INTO consumed SELECT cluster_id, topic, '{filled.topic_id()}', partition, 0 FROM consumed"
    )
    found = filled.verified().findings
    assert (found.verdict, found.records) == (Verdict.PARTLY, 0)
    assert "former" in found.remarks[0]
    filled.execute("UPDATE media SET viewers = viewers + 1 WHERE media_id = 7")
    assert differing(filled.verified()) == {"media = user_media": 1}


def test_it_writes_nothing(filled: Topic) -> None:
    with (
        closing(schema.open_views(filled.url, filled.settings)) as other,
        filled.opened() as opened,
        other.transaction(),
    ):
        other.execute("LOCK TABLE seen, media, viewer, consumed IN SHARE ROW EXCLUSIVE MODE")  # as a writer would have
        opened.recount(lambda _: None)
        opened.compare(lambda _: None)


def test_tables_that_may_not_be_read_and_a_lost_connection_are_told_apart(filled: Topic) -> None:
    filled.execute(
        "CREATE ROLE stranger",
        "GRANT USAGE ON SCHEMA views TO stranger",
        "GRANT SELECT ON consumed, counts, minutes_kept TO stranger",
    )
    try:
        with filled.opened() as opened:
            opened._connection.execute("SET ROLE stranger")
            with pytest.raises(DatabaseError, match="seen cannot be read") as raised:
                opened.recount(lambda _: None)
        assert raised.value.hint == "grant this user SELECT on all tables of the schema"
    finally:
        filled.execute("DROP OWNED BY stranger", "DROP ROLE stranger")

    with filled.opened() as opened:
        filled.execute(f"SELECT pg_terminate_backend({opened._connection.info.backend_pid}, 10000)")
        with pytest.raises(DatabaseError, match="seen cannot be read") as raised:
            opened.recount(lambda _: None)
    assert raised.value.hint == ""
