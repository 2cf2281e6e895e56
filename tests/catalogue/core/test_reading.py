"""A record of each model: its row, or everything that is wrong with it."""

import math
import time
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.core.reading import NO_KEY, ReadRow, cells_reader, json_reader, key_of
from metrics.catalogue.core.records import RejectedError, Row
from metrics.catalogue.core.times import WrongTimeError, to_time

CET = timezone(timedelta(hours=1))
STREAM = {
    "movie_title": "Alien",
    "user_email": "ann@example.com",
    "size_mb": "613.4245936603365",
    "start_at": "2021-12-06T19:30:19.099+0100",
    "end_at": "2021-12-07T15:44:38.177+0100",
}
REVIEW = {
    "content": {"text": "Solitudo magnam vulpes."},
    "rating": {"rate": 1, "label": "ONE"},
    "books": [{"id": None, "metadata": {"title": "A PASSAGE TO INDIA", "pages": "unknown"}}],
    "movies": [{"id": 0, "title": "ALIEN"}, {"id": 0, "title": "end"}],
    "updated": "2021-12-17T11:49:40.461+0100",
    "created": "2021-12-02T06:11:35.525+0100",
}


def cells(model: str, record: dict[str, str], zone: Any = None) -> Any:
    return cells_reader(MODELS[model], list(record), zone)(list(record.values()))


def rejection(model: str, record: Any) -> tuple[str, str]:
    read = cells if model in ("movie", "user", "stream") else lambda name, value: json_reader(MODELS[name], None)(value)
    with pytest.raises(RejectedError) as rejected:
        read(model, record)
    return rejected.value.reason, rejected.value.detail


def since_2000(year: int, month: int, day: int, *clock: int) -> int:
    """Return a time of UTC in microseconds."""
    hours, minutes, seconds, microseconds = (*clock, 0, 0, 0)[:4]
    days = (date(year, month, day) - date(2000, 1, 1)).days
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000 + microseconds


def test_each_model_s_record_becomes_its_table_s_row() -> None:
    movie = {"title": "Scarface", "duration_mins": "112", "original_language": "Japanese", "size_mb": "1236"}
    assert cells("movie", movie) == ("Scarface", 112, "Japanese", 1236)
    user = {"first_name": "Eddy", "last_name": "Kirlin", "email": "karine@bode-rogahn.org"}
    assert cells("user", user) == ("karine@bode-rogahn.org", "Eddy", "Kirlin")
    start_at, end_at = 692_130_619_099_000, 692_203_478_177_000  # microseconds since 2000 in UTC
    assert cells("stream", STREAM) == (start_at, "ann@example.com", "Alien", end_at, 613.4245936603365)
    book = {"name": "Emma", "pages": 474, "author": "Jane Austen", "publisher": "John Murray"}
    assert json_reader(MODELS["book"], None)(book) == ("Emma", 474, "Jane Austen", "John Murray")
    created, updated = since_2000(2021, 12, 2, 5, 11, 35, 525_000), since_2000(2021, 12, 17, 10, 49, 40, 461_000)
    review = (created, "ALIEN", "A PASSAGE TO INDIA", 1, "Solitudo magnam vulpes.", updated)
    assert json_reader(MODELS["review"], None)(REVIEW) == review


@pytest.mark.parametrize(
    ("slugs", "nationality"),
    [(["thais", "danes"], "thais"), ([None, "thais"], "thais"), (["", None, "danes"], "danes"), (["", None], None)],
)
def test_an_author_has_the_first_nationality_with_a_slug(slugs: list[str | None], nationality: str | None) -> None:
    metadata = {"name": "Al Hamill", "birth_date": "2000-06-30T00:00:00.000+0000", "died_at": None}
    record = {"metadata": metadata, "nationalities": [{"id": None, "label": "", "slug": slug} for slug in slugs]}
    assert json_reader(MODELS["author"], None)(record) == ("Al Hamill", date(2000, 6, 30), None, nationality)


@pytest.mark.parametrize("placeholder", ["end", "End", "", None])
@pytest.mark.parametrize("is_first", [False, True])
def test_of_two_movies_of_a_review_the_placeholder_is_left_out(placeholder: str | None, *, is_first: bool) -> None:
    movies = [{"title": "ALIEN"}, {"title": placeholder}]
    row = json_reader(MODELS["review"], None)(REVIEW | {"movies": movies[::-1] if is_first else movies})
    assert row[1] == "ALIEN"


@pytest.mark.parametrize(
    ("movies", "reason", "detail"),
    [
        ([{"title": "end"}, {"title": None}], "movies", 'no movie has a title: each one is "end", empty or null'),
        ([], "movies", 'no movie has a title: each one is "end", empty or null'),
        ([{"title": "A"}, {"title": "B"}], "movies", "2 movies have titles, instead of one: 'A', 'B'"),
        ([{"title": "A" * 256}], "field", "the movie's title must be text of 1 to 255 characters"),
        ([{"title": 5}], "field", "movies[0].title must be text or null, not 5"),
        ("A", "field", 'movies must be a list, not "A"'),
    ],
)
def test_a_review_of_no_or_several_movies_is_rejected(movies: Any, reason: str, detail: str) -> None:
    assert rejection("review", REVIEW | {"movies": movies}) == (reason, detail)


def test_every_wrong_field_is_named_with_the_value_that_it_has() -> None:
    wrong = {"content": {}, "rating": {"rate": 6}, "books": [], "movies": [], "created": "2021-12-02", "updated": 5}
    a_time = "a time with an offset, such as 2021-12-06T19:30:19.099+0100"
    detail = (
        f'created must be {a_time}, not "2021-12-02"; books must be a list of 1 book or more, not empty; '
        f"content.text is missing; rating.rate must be a whole number, 1 to 5, not 6; updated must be {a_time}, not 5"
    )
    assert rejection("review", wrong) == ("field", detail)


@pytest.mark.parametrize("record", [None, 5, "text", [], True])
def test_a_record_that_is_not_an_object_is_rejected(record: Any) -> None:
    reason, detail = rejection("book", record)
    assert reason == "field"
    assert detail.startswith("the record must be an object, not ")


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-inf", "-0.1", "1e16", "1e400", "", " 1", "1_0", "0x10", "x"])
def test_sizes_that_are_not_finite_numbers_from_zero_are_rejected(text: str) -> None:
    words = f'size_mb must be a number, 0 to 1e15, not "{text}"'
    assert rejection("stream", STREAM | {"size_mb": text}) == ("field", words)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "2147483648", "", "1e3x", "٣"])
def test_durations_that_are_no_whole_number_from_one_are_rejected(text: str) -> None:
    movie = {"title": "Scarface", "duration_mins": text, "original_language": "Japanese", "size_mb": "1236"}
    words = f'duration_mins must be a whole number, 1 to 2147483647, not "{text}"'
    assert rejection("movie", movie) == ("field", words)


@pytest.mark.parametrize(
    "text",
    [
        "2021-12-06T19:30:19.099",  # no offset
        "2021-12-06",
        "1638815419",
        "2021-02-30T00:00:00Z",
        "2021-12-06T19:30:60Z",
        "now",
        "",
    ],
)
def test_times_without_an_offset_or_that_do_not_exist_are_rejected(text: str) -> None:
    reason, detail = rejection("stream", STREAM | {"start_at": text})
    assert reason == "field"
    assert detail == f'start_at must be a time with an offset, such as 2021-12-06T19:30:19.099+0100, not "{text}"'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0999-12-31T00:00:00Z", "a time in the years 1000 to 9998"),
        ("9999-12-31T23:59:59.999+0000", "a time in the years 1000 to 9998"),
        ("2021-12-06T24:00:00.000+0100", "a time whose hours are 00 to 23"),
        ("2021-12-06T24:00:00Z", "a time whose hours are 00 to 23"),
        ("2021-12-06 24:00+01:00", "a time whose hours are 00 to 23"),
        ("20211206T240000Z", "a time whose hours are 00 to 23"),
        ("2021-12-06T24Z", "a time whose hours are 00 to 23"),
    ],
)
def test_a_time_with_an_offset_is_rejected_with_what_is_wrong_with_it(text: str, words: str) -> None:
    assert rejection("stream", STREAM | {"start_at": text}) == ("field", f'start_at must be {words}, not "{text}"')


@pytest.mark.parametrize("text", ["2021-12-06T19:30:60+24:00", "2021-13-06T19:24:00Z", "2021-13-24T00:00:00Z"])
def test_a_24_that_is_not_the_hour_is_not_called_one(text: str) -> None:
    assert rejection("stream", STREAM | {"start_at": text})[1].startswith(
        "start_at must be a time with an offset, such"
    )


def test_with_a_time_zone_times_without_an_offset_are_in_it_and_others_keep_theirs() -> None:
    record = STREAM | {"start_at": "2021-07-01T12:00:00", "end_at": "2021-12-06T19:30:19Z"}
    row = cells("stream", record, ZoneInfo("Europe/Berlin"))
    assert row[0] == since_2000(2021, 7, 1, 10)
    assert row[3] == since_2000(2021, 12, 6, 19, 30, 19)


@pytest.mark.parametrize(
    "text",
    [
        "2021-12-06T19:30:19.1234567+01:00",
        "2021-12-06T19:30:19,123456001Z",
        "20211206T193019.1234567Z",
        "2021-12-06T19:30:19+01:00:00.1234567",
        "2021-12-06T19:30.5Z",  # half a minute, which Python reads as half a second
        "2021-12-06T19.5Z",
        "20211206T1930.5Z",
    ],
)
def test_a_time_that_would_be_stored_as_another_one_is_rejected(text: str) -> None:
    detail = f'end_at must be a time whose seconds have at most six decimals, not "{text}"'
    assert rejection("stream", STREAM | {"end_at": text}) == ("field", detail)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("2021-12-06T19:30:19.123456000Z", 123_456),
        ("2021-12-06T19:30:19.12Z", 120_000),
        ("2021-12-06 20:30:19.123+01", 123_000),
        ("20211206T193019,000001Z", 1),
        ("2021-W49-1T19:30:19.5+00:00", 500_000),
        ("2021-12-06T19:30:19Z", 0),
        ("2021-12-06T20:30:19.100+01:00", 100_000),
        ("2021-12-06T18:30:19.100-0100", 100_000),
    ],
)
def test_seconds_with_up_to_six_decimals_are_stored_as_written(text: str, microseconds: int) -> None:
    assert to_time(text, None) == since_2000(2021, 12, 6, 19, 30, 19) + microseconds


@given(
    digits=st.text("0123456789", max_size=12),
    date_=st.sampled_from(["2021-12-06T19:30:19", "20211206T193019", "2021-W49-1 19:30:19"]),
    separator=st.sampled_from(".,"),
    offset=st.sampled_from(["Z", "+00", "+0000", "-00:00", "+00:00:00"]),
)
def test_a_time_is_stored_with_all_digits_of_its_second_or_rejected(
    digits: str, date_: str, separator: str, offset: str
) -> None:
    text = f"{date_}{separator}{digits}{offset}" if digits else f"{date_}{offset}"
    if digits[6:].strip("0"):
        with pytest.raises(WrongTimeError):
            to_time(text, None)
    else:
        assert to_time(text, None) == since_2000(2021, 12, 6, 19, 30, 19) + int(digits[:6].ljust(6, "0"))


TIMES = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["2021-12-06", "0999-12-31", "1000-01-01", "9998-12-31", "9999-01-01", "2021-02-29", "20211206"]),
    st.sampled_from("T \u00e9"),
    st.sampled_from(["19:30:19", "00:00:00", "23:59:59", "24:00:00", "193019"]),
    st.sampled_from([".099", ".999", ".12Z", ".1", ",099", ".0999", ""]),
    st.sampled_from(["Z", "z", "+0100", "-00:00", "+14:00", "-1445", "+0059", "+24:00", "+1", "Z+0100", ""]),
)


@given(TIMES)
def test_a_time_is_that_of_the_standard_library_or_rejected_as_there(text: str) -> None:
    expected = found = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None and 1000 <= moment.year <= 9998:
            expected = (moment - datetime(2000, 1, 1, tzinfo=UTC)) // timedelta.resolution
    with suppress(ValueError):
        found = to_time(text, None)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("2021-03-28T02:00:00", "skipped this one"),
        ("2021-03-28T02:30:00", "skipped this one"),
        ("2021-03-28T02:59:59.999", "skipped this one"),
        ("2021-10-31T02:00:00", "showed this one twice"),
        ("2021-10-31T02:59:59.999", "showed this one twice"),
    ],
)
def test_a_local_time_that_is_not_one_moment_is_rejected(text: str, change: str) -> None:
    with pytest.raises(RejectedError) as rejected:
        cells("stream", STREAM | {"start_at": text}, ZoneInfo("Europe/Berlin"))
    words = f"start_at must be a time with an offset, since clocks in Europe/Berlin {change}, not "
    assert (rejected.value.reason, rejected.value.detail) == ("field", f'{words}"{text}"')


def test_local_times_around_a_change_of_clocks_are_one_moment_each() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert to_time("2021-03-28T01:59:59", berlin) == since_2000(2021, 3, 28, 0, 59, 59)
    assert to_time("2021-03-28T03:00:00", berlin) == since_2000(2021, 3, 28, 1)
    assert to_time("2021-10-31T01:59:59", berlin) == since_2000(2021, 10, 30, 23, 59, 59)
    assert to_time("2021-10-31T03:00:00", berlin) == since_2000(2021, 10, 31, 2)


def test_a_session_that_ends_before_its_start_is_rejected_and_one_without_length_is_not() -> None:
    before = STREAM | {"end_at": "2021-12-06T18:30:19.098Z"}
    assert rejection("stream", before) == (
        "order",
        "end_at 2021-12-06T18:30:19.098Z is before start_at 2021-12-06T19:30:19.099+0100",
    )
    row = cells("stream", STREAM | {"end_at": "2021-12-06T18:30:19.099Z"})
    assert row[0] == row[3]


@pytest.mark.parametrize("field", ["movie_title", "user_email"])
def test_a_text_with_nul_which_the_database_cannot_store_is_rejected(field: str) -> None:
    reason, detail = rejection("stream", STREAM | {field: "a\0b"})
    assert (reason, detail) == ("field", f'{field} must be text of 1 to 255 characters, not "a\\u0000b"')


def processor_time(read: ReadRow, record: Any) -> float:
    """Return the shortest processor time of 500 records, of ten attempts."""
    times = []
    for _ in range(10):
        begun = time.process_time()
        for _ in range(500):
            row_or_rejection(read, record)
        times.append(time.process_time() - begun)
    return min(times)


def test_a_wrong_row_takes_little_more_time_than_a_good_one() -> None:
    read = cells_reader(MODELS["stream"], list(STREAM), None)
    good, wrong = (list((STREAM | {"size_mb": size}).values()) for size in ("1", "x"))
    assert processor_time(read, wrong) < 10 * processor_time(read, good)  # 5; without the cache of types 16


def test_a_row_with_another_number_of_cells_than_the_header_is_rejected() -> None:
    read = cells_reader(MODELS["user"], ["first_name", "last_name", "email"], None)
    for row, number in (
        (["Eddy"], "1 cell"),
        (["Eddy", "Kirlin"], "2 cells"),
        (["Eddy", "Kirlin", "e@x", ""], "4 cells"),
    ):
        with pytest.raises(RejectedError, match=f"^{number} instead of 3$") as rejected:
            read(row)
        assert rejected.value.reason == "cells"


def test_columns_may_come_in_any_order_with_others_between_them() -> None:
    read = cells_reader(MODELS["user"], ["x", "email", "first_name", "y", "last_name"], None)
    assert read(["1", "karine@x", "Eddy", "2", "Kirlin"]) == ("karine@x", "Eddy", "Kirlin")


def test_the_key_of_a_rejected_record_can_be_read_unless_it_is_wrong_itself() -> None:
    review = REVIEW | {"rating": None}
    created = since_2000(2021, 12, 2, 5, 11, 35, 525_000)
    assert key_of(MODELS["review"], review, None, strict=True) == (created, "ALIEN", "A PASSAGE TO INDIA")
    assert key_of(MODELS["stream"], STREAM | {"size_mb": "x"}, None, strict=False) == (
        692_130_619_099_000,
        "ann@example.com",
        "Alien",
    )
    assert key_of(MODELS["author"], {"metadata": {"name": 5}}, None, strict=True) is None
    assert key_of(MODELS["author"], 5, None, strict=True) is None


@pytest.mark.parametrize(
    ("model", "record"),
    [
        ("author", {"metadata": {"name": None}}),
        ("author", {"metadata": {"birth_date": None}}),
        ("author", {"nationalities": []}),
        ("book", {"name": ""}),
        ("stream", STREAM | {"user_email": ""}),
        ("stream", STREAM | {"user_email": "", "start_at": "x"}),
        ("review", REVIEW | {"books": []}),
        ("review", REVIEW | {"books": [{"metadata": {"title": ""}}]}),
        ("review", REVIEW | {"movies": [{"title": "end"}, {"title": None}]}),
    ],
)
def test_a_record_without_a_part_of_its_key_has_none(model: str, record: dict[str, Any]) -> None:
    assert key_of(MODELS[model], record, None, strict=model != "stream") == NO_KEY


def test_a_key_that_may_be_that_of_a_row_cannot_be_read() -> None:
    two = [{"title": "Alien"}, {"title": "Rush"}]
    for wrong in (REVIEW | {"movies": two}, REVIEW | {"created": "2021-12-02"}):
        assert key_of(MODELS["review"], wrong, None, strict=True) is None


def row_or_rejection(read: ReadRow, value: Any) -> Row | RejectedError:
    try:
        return read(value)
    except RejectedError as rejected:
        return rejected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("end"),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["metadata", "name", "title", "books", "movies", "rating", "rate", "content", "text", "slug"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(model=st.sampled_from(list(MODELS)), value=VALUES)
def test_whatever_comes_as_json_becomes_a_row_of_the_right_types_or_is_rejected_with_words(
    model: str, value: Any
) -> None:
    row = row_or_rejection(json_reader(MODELS[model], None), value)
    if isinstance(row, RejectedError):
        assert row.reason in ("field", "movies", "order")
        assert row.detail
        return
    types = {"text": str, "int4": int, "int2": int, "float8": float, "date": date, "timestamptz": int}
    for column, cell in zip(MODELS[model].columns, row, strict=True):
        assert cell is None or isinstance(cell, types[column.type])


@given(cells_=st.lists(st.text(max_size=6) | st.floats().map(str) | st.integers().map(str), min_size=5, max_size=5))
def test_whatever_comes_as_cells_becomes_a_storable_row_or_is_rejected_with_words(cells_: list[str]) -> None:
    row = row_or_rejection(cells_reader(MODELS["stream"], list(STREAM), None), cells_)
    if isinstance(row, RejectedError):
        assert row.detail
    else:
        assert row[3] >= row[0]
        assert math.isfinite(row[4])
        assert "\0" not in row[1] + row[2]
