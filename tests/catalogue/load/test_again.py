"""Rejected records of a load, tried again once a rule has changed."""

from contextlib import closing
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.again import RejectedOf
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import Load, find_load, read_newest_loads
from metrics.catalogue.load.rejected import escape, rejected_records, restore
from metrics.catalogue.load.run import Options, load
from metrics.postgres.connect import connect
from metrics.wording.errors import DataRefusedError, SettingsError
from tests.catalogue.load.catalogue import Catalogue, Quiet

NO_LIMIT = Limit.of("", "100%")
MOVIE = {"title": "Heat", "duration_mins": 170, "original_language": "en", "size_mb": 2_000}
SESSION = {
    "movie_title": 'He said "no", twice',
    "user_email": "ann@x",
    "size_mb": "1",
    "start_at": "2021-12-06T19:30:19",  # no offset
    "end_at": "2021-12-06T19:40:19",
}


def try_again(catalogue: Catalogue, first: Load, zone: str | None = None, max_rejected: Limit = NO_LIMIT) -> Load:
    """Try the rejected records of a load again."""
    options = Options(MODELS[first.model], zone=ZoneInfo(zone) if zone else None, max_rejected=max_rejected)
    stored = find_load(catalogue.connection, first.id)
    assert stored is not None
    with closing(connect(catalogue.url)) as other:
        return load(catalogue.connection, options, RejectedOf(other, stored, MODELS[first.model]), Quiet()).load


def test_rejected_rows_of_csv_are_read_with_the_columns_of_their_file(catalogue: Catalogue) -> None:
    path = catalogue.folder / "streams.csv"
    path.write_text(
        "end_at,start_at,user_email,movie_title,size_mb\n"
        '2021-12-06T19:40:19,2021-12-06T19:30:19,ann@x,"He said ""no"", twice",1\n'
    )
    first = catalogue.load("stream", path, max_rejected=NO_LIMIT).load
    assert (first.rejected, catalogue.rows("stream")) == (1, [])
    again = try_again(catalogue, first, "Europe/Berlin")
    assert (again.collector, again.source) == ("rejected", f"rejected records of load {first.id}")
    assert (again.read, again.inserted) == (1, 1)
    [(start_at, user_email, movie_title, *_)] = catalogue.rows("stream")
    assert (start_at.isoformat(), user_email) == ("2021-12-06T18:30:19+00:00", "ann@x")
    assert movie_title == 'He said "no", twice'


def test_rejected_json_records_are_read_as_json_and_rejected_again_if_they_are_still_wrong(
    catalogue: Catalogue,
) -> None:
    first = catalogue.load_records("book", [{"name": "Emma", "pages": "474"}], max_rejected=NO_LIMIT)
    again = try_again(catalogue, first)
    assert (again.read, again.rejected) == (1, 1)
    details = {record.detail for record in rejected_records(catalogue.connection)}
    assert len(details) == 1
    assert [record.load_id for record in rejected_records(catalogue.connection)] == [again.id]
    kept = "SELECT load_id, retried_by, detail = (SELECT max(detail) FROM catalogue_rejected) FROM catalogue_rejected"
    assert catalogue.query(f"{kept} ORDER BY id") == [(first.id, again.id, True), (again.id, None, True)]


def test_records_are_tried_again_once_so_that_none_is_loaded_as_two(catalogue: Catalogue) -> None:
    first = catalogue.load_records("stream", [SESSION, SESSION | {"size_mb": "x"}], max_rejected=NO_LIMIT)
    second = try_again(catalogue, first, "UTC")
    assert (second.inserted, second.rejected) == (1, 1)
    with pytest.raises(SettingsError) as refused:
        try_again(catalogue, first, "Europe/Berlin")
    assert refused.value.what == f"the records that load {first.id} rejected were tried again"
    assert refused.value.hint == f"try those that were still wrong: --rejected-of {second.id}"
    assert try_again(catalogue, second, "Europe/Berlin").read == 1
    assert len(catalogue.rows("stream")) == 1


def test_of_two_tries_at_once_the_second_is_refused(catalogue: Catalogue) -> None:
    model = MODELS["stream"]
    first = catalogue.load_records("stream", [SESSION], max_rejected=NO_LIMIT)
    with closing(connect(catalogue.url)) as other:
        tries = [RejectedOf(other, first, model) for _ in range(2)]
        options = Options(model, zone=ZoneInfo("UTC"), max_rejected=NO_LIMIT)
        load(catalogue.connection, options, tries[0], Quiet())
        with pytest.raises(SettingsError, match="the records that load 1 rejected were tried again") as refused:
            load(catalogue.connection, options, tries[1], Quiet())
    assert refused.value.why == "the last time by load 2"
    assert refused.value.hint == "all of them were loaded, or tried again since"
    assert catalogue.query("SELECT id FROM catalogue_load") == [(1,), (2,)]


def test_records_of_a_try_that_was_refused_can_be_tried_again(catalogue: Catalogue) -> None:
    first = catalogue.load_records("stream", [SESSION], max_rejected=NO_LIMIT)
    with pytest.raises(DataRefusedError):
        try_again(catalogue, first, max_rejected=Limit.of("", "0"))
    assert [record.load_id for record in rejected_records(catalogue.connection)] == [first.id]
    assert try_again(catalogue, first, "UTC").inserted == 1


def test_records_that_a_load_rejects_after_a_try_can_be_tried_too(catalogue: Catalogue) -> None:
    """A load of a topic may run for weeks."""
    first = catalogue.load_records("stream", [SESSION], max_rejected=NO_LIMIT)
    try_again(catalogue, first, "UTC")
    copied = "SELECT load_id, position, reason, detail, record, is_escaped FROM catalogue_rejected WHERE id = 1"
    columns = "load_id, position, reason, detail, record, is_escaped"
    catalogue.connection.execute(f"INSERT INTO catalogue_rejected ({columns}) {copied}")
    assert try_again(catalogue, first, "UTC").unchanged == 1


def test_a_record_that_a_later_load_brought_is_not_replaced_by_the_older_one(catalogue: Catalogue) -> None:
    first = catalogue.load_records("stream", [SESSION], max_rejected=NO_LIMIT)
    newer = {"start_at": "2021-12-06T18:30:19Z", "end_at": "2021-12-06T18:40:19Z", "size_mb": "2"}
    catalogue.load_records("stream", [SESSION | newer])
    again = try_again(catalogue, first, "Europe/Berlin")
    assert (again.read, again.unchanged) == (1, 1)
    assert [size_mb for *_, size_mb in catalogue.rows("stream")] == [2.0]


def test_records_that_were_tried_again_are_still_as_old_as_their_first_load(catalogue: Catalogue) -> None:
    first = catalogue.load_records("stream", [SESSION, SESSION | {"size_mb": "x"}], max_rejected=NO_LIMIT)
    newer = {"start_at": "2021-12-06T18:30:19Z", "end_at": "2021-12-06T18:40:19Z", "size_mb": "2"}
    catalogue.load_records("stream", [SESSION | newer])
    second = try_again(catalogue, first)  # still without a zone
    assert (second.rejected, second.as_of) == (2, first.id)
    third = try_again(catalogue, second, "Europe/Berlin")
    assert (third.unchanged, third.rejected, third.as_of) == (1, 1, first.id)
    assert [size_mb for *_, size_mb in catalogue.rows("stream")] == [2.0]
    catalogue.load_records("stream", [], is_snapshot=True, max_gone=NO_LIMIT)
    with pytest.raises(SettingsError, match="load 1 is older than load 5, a snapshot"):
        try_again(catalogue, third, "Europe/Berlin")


def test_rejected_records_from_before_a_snapshot_are_not_tried_again(catalogue: Catalogue) -> None:
    wrong = {"name": "Emma", "pages": 474, "author": "a", "publisher": None}
    first = catalogue.load_records("book", [wrong], max_rejected=NO_LIMIT)
    catalogue.load_records("book", [wrong | {"publisher": "p", "name": "Sula"}])
    second = try_again(catalogue, first)
    assert second.read == 1, "a load that is not a snapshot says nothing about Emma"
    snapshot = catalogue.load_records("book", [wrong], is_snapshot=True, max_rejected=NO_LIMIT, max_gone=NO_LIMIT)
    with pytest.raises(SettingsError) as refused:
        try_again(catalogue, second)
    assert refused.value.what == f"load 1 is older than load {snapshot.id}, a snapshot"
    assert refused.value.hint == f"try those that the snapshot rejected again: --rejected-of {snapshot.id}"
    before = len(catalogue.query("SELECT FROM catalogue_load"))
    assert try_again(catalogue, snapshot).read == 1
    assert len(catalogue.query("SELECT FROM catalogue_load")) == before + 1


def test_a_snapshot_that_failed_keeps_no_rejected_records_from_another_try(catalogue: Catalogue) -> None:
    first = catalogue.load_records("book", [{"name": "Emma"}], max_rejected=NO_LIMIT)
    with pytest.raises(DataRefusedError):
        catalogue.load_records("book", [{"name": "Emma"}], is_snapshot=True)
    assert try_again(catalogue, first).read == 1


def test_the_model_must_be_that_of_the_load(catalogue: Catalogue) -> None:
    first = catalogue.load_records("book", [{}], max_rejected=NO_LIMIT)
    with pytest.raises(SettingsError, match="load 1 was of book, not of movie"):
        RejectedOf(catalogue.connection, first, MODELS["movie"])


def test_a_row_with_a_nul_is_rejected_again_as_it_came(catalogue: Catalogue) -> None:
    path = catalogue.folder / "users.csv"
    path.write_bytes(b"email,first_name,last_name\na@x,A,B\0C\\0\\D\nb@x,D,E\\0\n")
    first = catalogue.load("user", path, max_rejected=NO_LIMIT).load
    again = try_again(catalogue, first)
    assert (first.inserted, again.inserted, again.rejected) == (1, 0, 1)
    assert len({(record.record, record.detail) for record in rejected_records(catalogue.connection)}) == 1
    assert catalogue.rows("user") == [("b@x", "D", "E\\0")]


@given(text=st.text("\0\\0xdca\n\udc80\udcff"))
def test_a_text_that_cannot_be_stored_is_escaped_and_restored(text: str) -> None:
    stored, is_escaped = escape(text)
    assert "\0" not in stored.encode().decode()
    assert (restore(stored) if is_escaped else stored) == text


def test_a_load_that_rejected_nothing_is_not_tried_again(catalogue: Catalogue) -> None:
    first = catalogue.load_records("book", [{"name": "Emma", "pages": 474, "author": "a", "publisher": "p"}])
    with pytest.raises(SettingsError, match="load 1 has no rejected records"):
        try_again(catalogue, first)


def test_the_hint_names_a_snapshot_only_if_that_rejected_something(catalogue: Catalogue) -> None:
    first = catalogue.load_records("book", [{"name": "Emma"}], max_rejected=NO_LIMIT)
    catalogue.load_records("book", [], is_snapshot=True, max_gone=NO_LIMIT)
    with pytest.raises(SettingsError, match="load 1 is older than load 2, a snapshot") as refused:
        try_again(catalogue, first)
    assert refused.value.hint == "if they are still right, load them from a file"


def test_rows_of_the_same_load_stay(catalogue: Catalogue) -> None:
    valid = {"start_at": "2021-12-06T18:30:19Z", "end_at": "2021-12-06T18:40:19Z", "size_mb": "2"}
    first = catalogue.load_records("stream", [SESSION, SESSION | valid], max_rejected=NO_LIMIT)
    again = try_again(catalogue, first, "Europe/Berlin")
    assert (again.read, again.unchanged) == (1, 1)
    assert [size_mb for *_, size_mb in catalogue.rows("stream")] == [2.0]


def test_a_rejected_row_with_line_ends_and_long_cells_can_be_tried_again(catalogue: Catalogue) -> None:
    path = catalogue.folder / "users.csv"
    long = "x" * 200_000
    path.write_text(f'email,first_name,last_name\na@x,"A\nB",C,extra\nb@x,"D\rE",{long},extra\n', newline="")
    first = catalogue.load("user", path, max_rejected=NO_LIMIT).load
    assert [record.record for record in rejected_records(catalogue.connection)] == [
        'a@x,"A\nB",C,extra',
        f'b@x,"D\rE",{long},extra',
    ]
    again = try_again(catalogue, first)
    assert (again.read, again.rejected) == (2, 2)


def test_the_newest_load_of_each_model_is_found_and_is_not_one_that_tried_records_again(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [MOVIE])
    movie = catalogue.load_records("movie", [MOVIE])
    book = catalogue.load_records("book", [{"name": "Emma", "pages": "474"}], max_rejected=NO_LIMIT)
    try_again(catalogue, book)
    assert [load.id for load in read_newest_loads(catalogue.connection)] == [book.id, movie.id]
