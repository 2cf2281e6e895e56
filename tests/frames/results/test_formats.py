"""Results as lines of JSON, CSV, and rows of a table, and what the command refuses before it asks a broker."""

from collections.abc import Sequence

import pytest

from metrics.frames.records import Record, columns, read_record, row
from metrics.frames.results.formats import csv_lines, json_line, places
from metrics.frames.results.place import RecordPlace
from metrics.frames.results.read import Result
from metrics.frames.sizes import MINUTE, SECOND, Size
from tests.frames.windows import minute_record, second_record
from tests.test_app import refused

T = 1468244340  # 2016-07-11T13:39:00Z


def result(record: Record, value: bytes | None = None) -> Result:
    """Return a record as it is read back."""
    window = read_record(record.size, record.key.encode(), value or record.value(), "")
    assert isinstance(window, Record)
    return Result(window, value or record.value())


SECONDS = [result(second_record(T, 1, 1.0, 0)), result(second_record(T + 59, 1004, 502.5, 7200))]
MINUTES = [result(minute_record(T, 3385, 2170.0, 5649, 0))]


def rows(results: Sequence[Result], sizes: Sequence[Size]) -> list[str]:
    return csv_lines([row(at.window) for at in results], columns(sizes))


def test_a_line_of_json_is_the_record_as_it_was_published() -> None:
    assert [*map(json_line, [*SECONDS, *MINUTES])] == [
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


def test_a_record_with_its_place_is_the_value_of_a_json_object() -> None:
    (first, *_), place = SECONDS, RecordPlace("frames-per-second", 2, 17, 1_468_244_340_000, "2016-07-11T13:39:00Z")
    assert json_line(first._replace(place=place)) == (
        '{"topic":"frames-per-second","partition":2,"offset":17,"timestamp_ms":1468244340000,'
        '"key":"2016-07-11T13:39:00Z","value":{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z",'
        '"end":1468244341,"num_of_frames":1,"avg_num_of_frames":1.0}}'
    )
    unknown = first._replace(place=place._replace(timestamp_ms=None, key=None))
    assert '"offset":17,"timestamp_ms":null,"key":null,"value":{' in json_line(unknown)


def test_a_record_with_its_place_has_more_columns() -> None:
    place = RecordPlace("frames-per-second", 2, 17, None, "2016-07-11T13:39:00Z")
    names = (*places(with_places=True), *columns([SECOND]))
    assert names[:6] == ("topic", "partition", "offset", "timestamp_ms", "key", "timestamp")
    assert csv_lines([SECONDS[0]._replace(place=place).row()], names) == [
        "frames-per-second,2,17,,2016-07-11T13:39:00Z,1468244340,2016-07-11T13:39:00Z,1468244341,1,1.0,",
    ]


def test_a_record_that_somebody_published_over_several_lines_is_one_line_with_its_keys_in_order() -> None:
    value = (
        b'{\r\n  "num_of_frames": 1, "more": "a  b",\n  "timestamp": 1468244340,\n'
        b'  "datetime": "2016-07-11T13:39:00Z", "end": 1468244341, "avg_num_of_frames": 1.50\n}\n'
    )
    assert [json_line(result(second_record(T, 1, 1.5, 0), value))] == [
        (
            '{"num_of_frames":1,"more":"a  b","timestamp":1468244340,'
            '"datetime":"2016-07-11T13:39:00Z","end":1468244341,"avg_num_of_frames":1.50}'
        )
    ]


def test_csv_has_the_fields_of_the_records_and_empty_cells_for_missing_values() -> None:
    assert columns([SECOND]) == ("timestamp", "datetime", "end", "num_of_frames", "avg_num_of_frames", "gap_s")
    assert rows(SECONDS, [SECOND]) == [
        "1468244340,2016-07-11T13:39:00Z,1468244341,1,1.0,",
        "1468244399,2016-07-11T13:39:59Z,1468244400,1004,502.5,7200",
    ]
    assert rows(MINUTES, [MINUTE]) == ["1468244340,2016-07-11T13:39:00Z,1468244400,3385,2170.0,5649,"]


def test_csv_of_both_sizes_has_the_fields_of_both_and_a_column_kind() -> None:
    assert columns([SECOND, MINUTE]) == (
        *("kind", "timestamp", "datetime", "end", "num_of_frames", "avg_num_of_frames", "gap_s"),
        *("unique_users", "avg_users_per_minute"),
    )
    assert rows([SECONDS[1], *MINUTES], [SECOND, MINUTE]) == [
        "second,1468244399,2016-07-11T13:39:59Z,1468244400,1004,502.5,7200,,",
        "minute,1468244340,2016-07-11T13:39:00Z,1468244400,5649,,,3385,2170.0",
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--seconds", "--minutes"],
        ["--table", "--json"],
        ["--table", "--csv"],
        ["--table", "--parquet=x"],
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
    assert "hint: use one of them, for example" in said
