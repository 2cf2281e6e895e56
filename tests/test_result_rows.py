"""Results as lines of JSON, CSV, and a table with bars, and what the command refuses before it asks a broker."""

import io
from collections.abc import Sequence

import pytest
from rich.console import Console

from metrics.frames.event_clock import MINUTE_S
from metrics.frames.windows import SECOND_S, MinuteRecord, SecondRecord
from metrics.kafka.results import Result
from metrics.recount.published import Published, columns, read_record, row
from metrics.result_rows import BarTable, csv_lines, json_lines
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
    return csv_lines([row(at.size_s, at.window) for at in results], columns(sizes_s)).splitlines()


def printed(table: BarTable, results: Sequence[Result], width: int = 80) -> list[str]:
    """Return the lines of a table, as a terminal of this width shows them."""
    file = io.StringIO()
    table.scale_to(results)
    Console(file=file, width=width, soft_wrap=True).print(table.table(results, width))
    lines = file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    return [line.rstrip() for line in lines]


def test_a_line_of_json_is_the_record_as_it_was_published() -> None:
    assert json_lines([*SECONDS, *MINUTES]).splitlines() == [
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
    assert json_lines([result(SecondRecord(T, 1, 1.5, 0), value)]) == (
        '{"num_of_frames":1,"more":"a  b","timestamp":1468244340,'
        '"datetime":"2016-07-11T13:39:00Z","end":1468244341,"avg_num_of_frames":1.50}\n'
    )


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


def test_a_table_of_both_kinds_has_bars_of_seconds_and_of_minutes_each_scaled_to_its_largest() -> None:
    assert printed(BarTable([SECOND_S, MINUTE_S]), [*SECONDS, *MINUTES]) == [
        "window (UTC)         of          users     frames      average",
        "2016-07-11 13:39:00  second          -          1        1.000",
        "gap of 7,200 s",
        "2016-07-11 13:39:59  second          -      1,004      502.500  ████████████████",
        "2016-07-11 13:39:00  minute      3,385      5,649    2,170.000  ████████████████",
    ]


def test_a_table_of_one_kind_has_its_columns_only_and_longer_bars() -> None:
    frames = [8, 4, 1, 0]
    seconds = [result(SecondRecord(T + number, count, 1.0, 0)) for number, count in enumerate(frames)]
    assert printed(BarTable([SECOND_S]), seconds, width=64) == [
        "window (UTC)            frames      average",
        f"2016-07-11 13:39:00          8        1.000  {'█' * 19}",
        f"2016-07-11 13:39:01          4        1.000  {'█' * 9}▌",
        f"2016-07-11 13:39:02          1        1.000  {'█' * 2}▍",
        "2016-07-11 13:39:03          0        1.000",
    ]
    assert printed(BarTable([SECOND_S]), seconds, width=200)[1].endswith(f"1.000  {'█' * 40}")
    assert printed(BarTable([MINUTE_S]), MINUTES)[0].split() == ["window", "(UTC)", "users", "frames", "average"]


def test_a_table_that_grows_has_one_heading_and_bars_scaled_to_the_largest_so_far() -> None:
    table = BarTable([SECOND_S])
    first, larger, small = (result(SecondRecord(T, count, 1.0, 0)) for count in (100, 400, 100))
    bars = [[line.count("█") for line in printed(table, [at], width=61)] for at in (first, larger, small)]
    assert bars == [[0, 16], [16], [4]]


def test_a_table_of_millions_fits_80_columns() -> None:
    minute = result(MinuteRecord(T, 9_999_999, 999_999.999, 9_999_999, 31_536_000))
    assert printed(BarTable([SECOND_S, MINUTE_S]), [minute])[1:] == [
        "gap of 31,536,000 s",
        "2016-07-11 13:39:00  minute  9,999,999  9,999,999  999,999.999  ████████████████",
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
