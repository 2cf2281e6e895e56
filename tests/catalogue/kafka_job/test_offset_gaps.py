"""Offsets without a record: ends of transactions, aborted records, and those that compaction has removed."""

import signal
from collections.abc import Callable

import pytest

from tests.catalogue.kafka_job.topic import Expected, Record, Topic, movie, rows, sums
from tests.kafka.application import TIMEOUT_S, Application, finish, wait_until

T_MS = 1468244340_000
RECORDS = [movie(f"Movie {number % 25}", 1 + number) for number in range(40)]
FEW = 40


def send_one_a_transaction(topic: Topic, records: list[Record]) -> int:
    """Send each record in a transaction of its own; returns how many offsets they take."""
    producer = topic.application.producer_in_transactions()
    for record in records:
        producer.begin_transaction()
        topic.send([record], producer)
        producer.commit_transaction(TIMEOUT_S)
    return 2 * len(records)


def send_among_aborted(topic: Topic, records: list[Record]) -> int:
    """Send the records in two transactions, each between two of 50 records that are aborted."""
    producer, aborted = topic.application.producer_in_transactions(), [movie("Aborted")] * 50
    half, commit, abort = len(records) // 2, producer.commit_transaction, producer.abort_transaction
    for part, end in (
        (aborted, abort),
        (records[:half], commit),
        (aborted, abort),
        (records[half:], commit),
        (aborted, abort),
    ):
        producer.begin_transaction()
        topic.send(part, producer)
        end(TIMEOUT_S)
    return 3 * 51 + len(records) + 2


Send = Callable[[Topic, list[Record]], int]
UPSTREAMS = pytest.mark.parametrize("send", [send_one_a_transaction, send_among_aborted])


def check(topic: Topic, records: list[Record], offset: int) -> None:
    """Check rows and offset against a plain dictionary: each record was loaded exactly once."""
    expected = Expected()
    expected.take(records)
    assert rows(topic) == expected.rows
    assert topic.committed() == len(records)
    assert topic.offsets() == [(0, offset)]


@UPSTREAMS
def test_a_load_to_the_end_reads_the_committed_records_and_ends_after_all_offsets(movies: Topic, send: Send) -> None:
    offset = send(movies, RECORDS)
    assert sums(movies.load(), "read", "inserted") == [len(RECORDS), 25]
    check(movies, RECORDS, offset)
    assert sums(movies.load(), "read") == [0]
    check(movies, RECORDS, offset)


@UPSTREAMS
def test_a_load_that_is_killed_among_gaps_resumes_after_what_it_committed(movies: Topic, send: Send) -> None:
    process, offset, kills, sent = movies.application.start(*movies.arguments("--json")), 0, 3, len(RECORDS)
    for number in range(kills):
        offset += send(movies, RECORDS)
        wait_until(lambda number=number: movies.committed() == (2 * number + 1) * sent, "they are committed")  # type: ignore[misc]
        offset += send(movies, RECORDS)
        process.kill()
        process.communicate()
        process = movies.application.start(*movies.arguments("--json"))
    wait_until(lambda: movies.offsets() == [(0, offset)], "it has passed all offsets")
    process.send_signal(signal.SIGINT)
    finish(process)
    check(movies, RECORDS * 2 * kills, offset)


def test_a_topic_with_aborted_records_alone_has_nothing_to_load(movies: Topic) -> None:
    producer = movies.application.producer_in_transactions()
    producer.begin_transaction()
    movies.send([movie("Aborted")] * 50, producer)
    producer.abort_transaction(TIMEOUT_S)
    assert sums(movies.load(), "read") == [0]
    check(movies, [], 51)


def compacted(application: Application, database_url: str) -> Topic:
    """Return a topic that is compacted as soon as it has a new segment, after a second."""
    settings = {"segment_ms": "1000", "min_cleanable_dirty_ratio": "0.01"}
    return Topic(application, database_url, "movie", 1, cleanup_policy="compact", **settings)


@pytest.mark.slow
def test_a_load_resumes_in_the_middle_of_what_compaction_has_removed(
    application: Application, database_url: str
) -> None:
    """Offset 0 is First, 1 to 300 are of Old, of which compaction leaves 300; 150 are loaded before it.

    Of the 40 records at 301 to 340 and the last one, each has a key of its own.
    """
    topic = compacted(application, database_url)
    before, removed = [movie("First"), *[movie("Old", 1)] * 150], [movie("Old", 2)] * 149
    left = [movie("Old", 3), *(movie(f"Movie {number}") for number in range(FEW)), movie("Last")]
    topic.send(before, timestamp_ms=T_MS)
    assert sums(topic.load(), "read", "inserted") == [151, 2]
    assert topic.offsets() == [(0, 151)]
    topic.send([*removed, left[0]], timestamp_ms=T_MS)
    topic.send(left[1:-1], timestamp_ms=T_MS + 2_000)
    topic.send(left[-1:], timestamp_ms=T_MS + 4_000)
    wait_until(lambda: len(application.read("movie")) == 1 + len(left), "the topic is compacted")
    assert sums(topic.load(), "read", "inserted", "updated") == [42, 41, 1]
    check(topic, before + left, 342)


@pytest.mark.slow
def test_a_compacted_topic_is_loaded_to_its_end(application: Application, database_url: str) -> None:
    """Compaction leaves none of the offsets 0 to 299: the first record has offset 300."""
    topic = compacted(application, database_url)
    left = [movie("Old", 3), movie("Other"), movie("Last")]
    topic.send([movie("Old", 2)] * 300, timestamp_ms=T_MS)
    topic.send(left[:1], timestamp_ms=T_MS)
    topic.send(left[1:2], timestamp_ms=T_MS + 2_000)
    topic.send(left[2:], timestamp_ms=T_MS + 4_000)
    wait_until(lambda: len(application.read("movie")) == 3, "the topic is compacted")
    assert sums(topic.load(), "read", "inserted") == [3, 3]
    check(topic, left, 303)
