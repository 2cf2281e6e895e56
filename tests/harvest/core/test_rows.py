"""Events as rows of the processed file, and back."""

import csv
import io
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.core.event import STREAMS, Event, Position
from metrics.harvest.core.rows import COLUMNS, cells, event_of, read_rows, row_text
from tests.harvest.core.messages import event

ROOT = Path(__file__).parents[3]
TEXTS = st.text('aé😀,"\r\n\0\u2028\u2029\x85\ufeff\x1a \\;', max_size=6) | st.sampled_from(
    ["NA", "null", "=1+1", "\r\n"]
)
FIELDS = Event.__struct_fields__
EVENTS = st.builds(
    Event,
    **dict.fromkeys(FIELDS[:24], TEXTS),
    instant_ms=st.integers(-62_135_596_800_000, 253_402_300_799_999),
    received_us=st.integers(0, 253_402_300_799_999_999),
    position=st.builds(Position, st.sampled_from(STREAMS), st.integers(1), st.integers(1)),
)


def test_the_columns_are_the_original_s_24_and_three() -> None:
    assert ",".join(COLUMNS) == (
        "id,event,event_date,show.show_id,show.cast,show.country,show.director,show.date_added,show.description,"
        "show.duration,show.listed_in,show.rating,show.title,show.type,show.release_year,show.platform,user.id,"
        "user.date_of_birth,user.email,user.first_name,user.gender,user.ip_address,user.country,user.last_name,"
        "instant,received_at,position"
    )


def test_a_cell_is_in_the_column_of_its_field() -> None:
    assert dict(zip(COLUMNS, cells(event()), strict=True)) == {
        "id": "i1",
        "event": "stream-started",
        "event_date": "19-05-2023 14:58:26.624",
        "show.show_id": "s3",
        "show.cast": "Grace Kelly, James Stewart",
        "show.country": "France, Spain",
        "show.director": "Ann Hui",
        "show.date_added": "May 26, 2021",
        "show.description": "A photographer watches his neighbours.",
        "show.duration": "1 Season",
        "show.listed_in": "Crime TV Shows",
        "show.rating": "TV-Y7",
        "show.title": "Windows",
        "show.type": "TV Show",
        "show.release_year": "2021",
        "show.platform": "Sytflix",
        "user.id": "4",
        "user.date_of_birth": "27/02/1968",
        "user.email": "ardys@example.com",
        "user.first_name": "Ardys",
        "user.gender": "Female",
        "user.ip_address": "192.0.2.19",
        "user.country": "CZ",
        "user.last_name": "Hill",
        "instant": "2023-05-19T12:58:26.624Z",
        "received_at": "2023-05-19T12:58:27.000001Z",
        "position": "sytflix-1:17",
    }


def test_digits_of_times_that_are_zero_stay() -> None:
    whole = msgspec.structs.replace(event(), instant_ms=0, received_us=1_684_501_107_000_000)
    assert cells(whole)[-3:-1] == ["1970-01-01T00:00:00.000Z", "2023-05-19T12:58:27.000000Z"]


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=4))
def test_events_come_back_from_csv_whatever_their_texts(events: list[Event]) -> None:
    text = row_text(COLUMNS) + "".join(row_text(cells(each)) for each in events)
    header, *rows = read_rows(io.StringIO(text, newline=""))
    assert (tuple(header), [event_of(row) for row in rows]) == (COLUMNS, events)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [header, *rows]


def test_a_text_as_long_as_a_frame_comes_back() -> None:
    long = msgspec.structs.replace(event(), description="x" * 3_000_000)
    assert event_of(next(iter(read_rows([row_text(cells(long))])))) == long


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        ["x"] * 26,
        cells(event())[1:],
        [*cells(event()), ""],
        [*cells(event())[:-1], "sytflix"],
        [*cells(event())[:-1], "sytflix-1"],
        [*cells(event())[:-1], "sytflix-a:1"],
        [*cells(event())[:-2], "yesterday", "sytflix-1:17"],
    ],
)
def test_cells_that_are_not_an_event_s_are_a_value_error(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match=r"."):
        event_of(wrong)


@pytest.mark.parametrize("order", [("harvest.core", "catalogue.load"), ("catalogue.load", "harvest.core")])
def test_texts_may_be_as_long_as_the_longest_frame_beside_the_catalogue(order: tuple[str, str]) -> None:
    imports = [f"import metrics.{package}.rows" for package in order]
    code = "; ".join([*imports, "import csv", "print(csv.field_size_limit())"])
    assert int(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT)) == 1 << 30
