"""Results as lines of JSON, CSV, and rows of a table, and what the command refuses before it asks a broker."""

from collections.abc import Sequence

import pytest

from metrics.frames.core.windows import SECOND_S, MinuteRecord, SecondRecord
from metrics.frames.records import Published, columns, read_record, row
from metrics.frames.results.formats import csv_lines, json_lines, table_row
from metrics.frames.results.read import Result
from metrics.frames.results.table import Row
from metrics.times import MINUTE_S
from tests.test_app import refused

T = 1468244340  # 2016-07-11T13:39:00Z


def result(record: SecondRecord | MinuteRecord, value: bytes | None = None) -> Result:
    """Return a record as it is read back."""
    size_s = SECOND_S if isinstance(record, SecondRecord) else MINUTE_S
    window = read_record(size_s, record.key.encode(), value or record.value(), "")
    assert isinstance(window, Published)
    return Result(size_s, window, value or record.value())


SECONDS = [result(SecondRecord(T, 1, 1.0, 0)), result(SecondRecord(T + 59, 1004, 502.5, 7200))]
MINUTES = [result(MinuteRecord(T, 3385, 2170.0, 5649, 0))]


def rows(results: Sequence[Result], sizes_s: Sequence[int]) -> list[str]:
    return csv_lines([row(at.size_s, at.window) for at in results], columns(sizes_s))


def test_a_line_of_json_is_the_record_as_it_was_published() -> None:
    assert [*json_lines([*SECONDS, *MINUTES])] == [
        (
            '{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z","end":1468244341,'
            '"num_of_frames":1,"avg_num_of_frames":1.0}'
        ),
        (
            '{"timestamp":1468244399,"datetime":"2016-07-11T13:39:59Z","end":1468244400,'
            '"num_of_frames":1004,"avg_num_of_frames":502.5,"gap_s":7200}'
        ),
        (
            '{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z","end":1468244400,'
            '"unique_users":3385,"avg_users_per_minute":2170.0,"num_of_frames":5649}'
        ),
    ]


def test_a_record_that_somebody_published_over_several_lines_is_one_line_with_its_keys_in_order() -> None:
    value = (
        b'{\r\n  "num_of_frames": 1, "more": "a  b",\n  "timestamp": 1468244340,\n'
        b'  "datetime": "2016-07-11T13:39:00Z", "end": 1468244341, "avg_num_of_frames": 1.50\n}\n'
    )
    assert [*json_lines([result(SecondRecord(T, 1, 1.5, 0), value)])] == [
        (
            '{"num_of_frames":1,"more":"a  b","timestamp":1468244340,'
            '"datetime":"2016-07-11T13:39:00Z","end":1468244341,"avg_num_of_frames":1.50}'
        )
    ]


def test_csv_has_the_fields_of_the_records_and_nothing_where_one_has_no_value() -> None:
    assert columns([SECOND_S]) == ("timestamp", "datetime", "end", "num_of_frames", "avg_num_of_frames", "gap_s")
    assert rows(SECONDS, [SECOND_S]) == [
        "1468244340,2016-07-11T13:39:00Z,1468244341,1,1.0,",
        "1468244399,2016-07-11T13:39:59Z,1468244400,1004,502.5,7200",
    ]
    assert rows(MINUTES, [MINUTE_S]) == ["1468244340,2016-07-11T13:39:00Z,1468244400,3385,2170.0,5649,"]


def test_csv_of_both_kinds_has_the_fields_of_both_and_says_which() -> None:
    assert columns([SECOND_S, MINUTE_S]) == (
        *("kind", "timestamp", "datetime", "end", "num_of_frames", "avg_num_of_frames", "gap_s"),
        *("unique_users", "avg_users_per_minute"),
    )
    assert rows([SECONDS[1], *MINUTES], [SECOND_S, MINUTE_S]) == [
        "second,1468244399,2016-07-11T13:39:59Z,1468244400,1004,502.5,7200,,",
        "minute,1468244340,2016-07-11T13:39:00Z,1468244400,5649,,,3385,2170.0",
    ]


def test_a_row_of_the_table_has_users_of_a_minute_only() -> None:
    assert [table_row(at) for at in (SECONDS[1], MINUTES[0])] == [
        Row(SECOND_S, T + 59, 1004, None, 502.5, 7200),
        Row(MINUTE_S, T, 5649, 3385, 2170.0, 0),
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--seconds", "--minutes"],
        ["--json", "--csv"],
        ["--json", "--parquet=x"],
        ["--csv", "--parquet=x"],
        ["--follow", "--parquet=x"],
        ["--follow", "--to=2016-07-11"],
    ],
)
def test_options_that_contradict_each_other_are_refused_before_a_broker_is_asked(options: list[str]) -> None:
    said = refused(2, "results", *options, BOOTSTRAP_SERVERS="127.0.0.1:1")
    one, other = (option.partition("=")[0] for option in options)
    assert f"{one} and {other} contradict each other" in said
    assert "now: leave one of them out" in said
