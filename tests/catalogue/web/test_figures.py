"""Loads, rejected records and answers in words."""

from datetime import UTC, datetime

import msgspec
import pytest

from metrics.catalogue.load.loads import Load, Remark
from metrics.catalogue.load.rejected import Rejected
from metrics.catalogue.query.shipped import shipped_queries
from metrics.catalogue.query.values import AnswerColumn, Value
from metrics.catalogue.web.answering import Answered
from metrics.catalogue.web.figures import Figure, figures, load_row, rejected_row, retries, state
from metrics.web.glance import Condition, Thresholds

INT8, NUMERIC, TEXT = 20, 1700, 25
LIMITS = Thresholds(1, 10)  # percent
NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def answered(row: dict[tuple[str, int], Value]) -> Answered:
    columns = [AnswerColumn(name, oid) for name, oid in row]
    return Answered(shipped_queries()["outage-users"], {}, "UTC", columns, [[*row.values()]], has_more=False)


@pytest.mark.parametrize(
    ("name", "oid", "value", "figure"),
    [
        ("users", INT8, "1234", Figure("1,234", "users")),
        ("streamed_movies", INT8, "0", Figure("0", "streamed movies")),
        ("share", NUMERIC, "0.9341", Figure("93.41%", "share")),
        ("mean_session_s", NUMERIC, "43336.010", Figure("43,336.0 s", "mean session: 12 h 2 min")),
        ("mean_session_s", NUMERIC, "0.400", Figure("0.4 s", "mean session: 0 s")),
        ("median_size_gb", NUMERIC, "0.935901", Figure("0.936 GB", "median size")),
        ("median_size_gb", NUMERIC, None, Figure("none", "median size")),
        ("movie", TEXT, "Heat", Figure("Heat", "movie")),
    ],
)
def test_a_value_has_its_unit(name: str, oid: int, value: Value, figure: Figure) -> None:
    assert figures(answered({(name, oid): value})) == [figure]


def test_an_answer_without_rows_has_no_values() -> None:
    assert figures(answered({})._replace(rows=[])) == []


def a_load(**members: object) -> Load:
    return Load(**{"id": 7, "model": "movie", "collector": "csv", "source": "movies.csv"} | members)  # type: ignore[arg-type]


def test_a_load_of_today_has_a_time_and_an_earlier_one_a_date_too() -> None:
    rows = [load_row(a_load(started_at=NOON.replace(day=day), read=1_234), NOON, LIMITS) for day in (28, 27)]
    assert [row["started"] for row in rows] == ["12:00:00", "2026-11-27 12:00:00"]
    assert rows[0]["read"] == "1,234"


def test_a_load_says_why_it_failed_what_is_gone_and_what_is_implausible() -> None:
    load = a_load(
        started_at=NOON,
        state="failed",
        read=1_000,
        error="2 of 3 records are wrong, so nothing was loaded\nwhy: the limit is 10%",
        is_snapshot=True,
        gone=1_000,
        remarks=[Remark("authors who died in the future", 90, ["Al"])],
    )
    row = load_row(load, NOON, LIMITS)
    assert row["sums"] == "read 1,000, 0 of them rejected"
    assert (row["state"], row["icon"]) == ("failed", "error")
    assert row["notes"] == [
        ("2 of 3 records are wrong, so nothing was loaded", "", ""),
        ("1,000 gone, 0 returned", "", ""),
        ("authors who died in the future: 90 (9.0%)", "warning", "warning"),
    ]
    assert row["rejected"] == ("0", "", "")


@pytest.mark.parametrize(
    ("rejected", "shown"),
    [
        (1, ("1 (0.1%)", "", "")),
        (2, ("2 (0.2%)", "", "")),
        (10, ("10 (1.0%)", "warning", "warning")),
        (100, ("100 (10.0%)", "error", "bad")),
    ],
)
def test_rejected_records_are_marked_by_their_share_of_those_read(rejected: int, shown: tuple[str, ...]) -> None:
    assert load_row(a_load(started_at=NOON, read=1_000, rejected=rejected), NOON, LIMITS)["rejected"] == shown


def test_the_newest_load_of_each_model_decides_the_state() -> None:
    done, failed, running = (a_load(model="movie", state=name) for name in ("done", "failed", "running"))
    others = [a_load(model=name, state="done") for name in ("user", "book")]
    assert state([], LIMITS) == (Condition.UNKNOWN, "Nothing loaded yet")
    assert state([*others, done], LIMITS) == (Condition.GOOD, "The last loads are done")
    assert state([*others, failed], LIMITS) == (Condition.BAD, "The last load of movie failed")
    assert state([running, *others], LIMITS) == (Condition.GOOD, "Loading movie")
    assert state([a_load(model="book", state="interrupted"), *others, done], LIMITS).condition is Condition.WARNING


def test_rejected_and_implausible_records_of_the_newest_loads_are_seen_in_the_state() -> None:
    high = a_load(model="user", state="done", read=100, rejected=3)
    remark = Remark("sessions longer than the movie", 51, [])
    of_files = Remark("files that may be cut", 90, [])
    implausible = a_load(model="stream", state="done", read=100, remarks=[remark])
    few = a_load(model="movie", state="done", read=20, rejected=2)
    cut = a_load(model="author", state="done", read=100, remarks=[of_files])
    assert state([few, cut], LIMITS) == (Condition.GOOD, "The last loads are done")
    words = "The last loads are done; many rejected or implausible records in"
    assert state([few, high], LIMITS) == (Condition.WARNING, f"{words} 1 of 2 models")
    assert state([few, high, implausible], LIMITS) == (Condition.BAD, f"{words} 2 of 3 models")
    running = msgspec.structs.replace(implausible, state="running")
    words = "Loading stream; many rejected or implausible records in"
    assert state([few, running], LIMITS) == (Condition.BAD, f"{words} 1 of 2 models")


def test_the_sums_of_a_load_that_is_done_have_each_record_once() -> None:
    load = a_load(started_at=NOON, state="done", read=6, inserted=2, updated=1, unchanged=1, repeated=1, rejected=1)
    assert load_row(load, NOON, LIMITS)["sums"] == (
        "read 6 = 2 inserted + 1 updated + 1 unchanged + 1 repeated + 1 rejected"
    )


def rejected(number: int, load: int, model: str = "movie", record: str = "{}") -> Rejected:
    return Rejected(number, load, model, f"record {number}", "field", "title is missing", record)


def test_a_rejected_record_is_cut_and_its_control_characters_are_escaped() -> None:
    assert rejected_row(rejected(1, 2, record="x" * 101))["record"] == "x" * 100 + "…"
    assert rejected_row(rejected(1, 2, record="\x1b[31m"))["record"] == "\\x1b[31m"


def test_rejected_records_are_tried_again_load_by_load_the_newest_first() -> None:
    records = [rejected(1, 9), rejected(2, 9), rejected(3, 8, "book"), rejected(4, 5), rejected(5, 4)]
    assert [command.partition("--model ")[2] for command in retries(records)] == [
        "movie --rejected-of 9",
        "book --rejected-of 8",
        "movie --rejected-of 5",
    ]
