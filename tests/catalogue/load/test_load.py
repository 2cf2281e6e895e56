"""A load: what it inserts, updates and leaves, what it keeps, and when it loads nothing."""

import gzip
import json
import os
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load import formats
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import Remark, find_load, read_loads
from metrics.catalogue.load.rejected import rejected_records
from metrics.catalogue.load.remarks import findings
from metrics.wording.errors import DataRefusedError, FileError
from tests.catalogue.load.catalogue import Catalogue

ALIEN = {"title": "Alien", "duration_mins": "117", "original_language": "English", "size_mb": "900"}
RUSH = {"title": "Rush", "duration_mins": "123", "original_language": "English", "size_mb": "800"}
WRONG = {"title": "Jaws", "duration_mins": "0", "original_language": "English", "size_mb": "-1"}
NO_LIMIT = Limit.of("", "100%")

ALIEN_ROW, RUSH_ROW = ("Alien", 117, "English", 900), ("Rush", 123, "English", 800)


def sums(load: Any) -> tuple[int, ...]:
    """Return read, inserted, updated, unchanged, repeated and rejected records of a load."""
    return load.read, load.inserted, load.updated, load.unchanged, load.repeated, load.rejected


def test_new_records_are_inserted_others_updated_or_left_and_each_is_counted_once(catalogue: Catalogue) -> None:
    assert sums(catalogue.load_records("movie", [ALIEN])) == (1, 1, 0, 0, 0, 0)
    load = catalogue.load_records("movie", [ALIEN, RUSH, WRONG, RUSH | {"size_mb": "801"}], max_rejected=NO_LIMIT)
    assert sums(load) == (4, 1, 0, 1, 1, 1)
    assert sums(catalogue.load_records("movie", [ALIEN | {"size_mb": "901"}])) == (1, 0, 1, 0, 0, 0)
    assert catalogue.rows("movie") == [("Alien", 117, "English", 901), ("Rush", 123, "English", 801)]


def test_a_key_in_other_case_is_the_same_record_and_is_spelt_as_it_came_last(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN | {"title": "Élan"}])
    load = catalogue.load_records("movie", [ALIEN | {"title": "ÉLAN"}, ALIEN | {"title": "élaN"}])
    assert sums(load) == (2, 0, 1, 0, 1, 0)
    assert catalogue.rows("movie") == [("élaN", 117, "English", 900)]


def test_an_unchanged_reload_writes_no_row(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    before = catalogue.query("SELECT ctid, xmin, last_load FROM movie ORDER BY title")
    assert sums(catalogue.load_records("movie", [RUSH, ALIEN])) == (2, 0, 0, 2, 0, 0)
    assert catalogue.query("SELECT ctid, xmin, last_load FROM movie ORDER BY title") == before


def test_the_row_before_an_update_is_kept_with_the_load_that_replaced_it(catalogue: Catalogue) -> None:
    first = catalogue.load_records("movie", [ALIEN])
    second = catalogue.load_records("movie", [ALIEN | {"size_mb": "901"}])
    [(model, load_id, record)] = catalogue.query("SELECT model, load_id, record FROM catalogue_history")
    assert (model, load_id) == ("movie", second.id)
    assert record == {
        "title": "Alien",
        "duration_mins": 117,
        "original_language": "English",
        "size_mb": 900,
        "first_load": first.id,
        "last_load": first.id,
        "gone_at": None,
    }
    assert catalogue.query("SELECT first_load, last_load FROM movie") == [(first.id, second.id)]


def test_a_file_with_the_bytes_of_the_last_load_is_skipped_unless_asked_again(catalogue: Catalogue) -> None:
    path = catalogue.file("movie", [ALIEN])
    first = catalogue.load("movie", path)
    assert first.same_as is None
    assert catalogue.load("movie", path).same_as == first.load.id
    assert catalogue.load("movie", path, again=True).same_as is None
    assert catalogue.load("movie", path, is_snapshot=True).same_as is None, "a snapshot says more"
    assert [load.id for load in read_loads(catalogue.connection)] == [3, 2, 1], "a skipped load leaves no row"


def test_input_that_can_be_read_only_once_is_skipped_after_it_was_read(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = catalogue.file("movie", [ALIEN, WRONG])
    first = catalogue.load("movie", path, max_rejected=NO_LIMIT)
    monkeypatch.setattr("metrics.catalogue.collect.reading.Reading.digest_ahead", lambda _: None)
    assert catalogue.load("movie", path).same_as == first.load.id
    assert [load.id for load in read_loads(catalogue.connection)] == [first.load.id]
    assert len(list(rejected_records(catalogue.connection))) == 1, "the wrong record is not kept twice"


def test_a_file_that_was_loaded_before_another_one_is_loaded_again(catalogue: Catalogue) -> None:
    old = catalogue.file("movie", [ALIEN], "old.csv")
    new = catalogue.file("movie", [ALIEN | {"size_mb": "901"}], "new.csv")
    for path in (old, new):
        catalogue.load("movie", path)
    assert catalogue.load("movie", old).load.updated == 1


def test_rejected_records_are_kept_with_place_reason_every_wrong_field_and_text(catalogue: Catalogue) -> None:
    load = catalogue.load_records("movie", [ALIEN, WRONG, RUSH], max_rejected=NO_LIMIT)
    [rejected] = rejected_records(catalogue.connection, "movie", load.id)
    assert (rejected.load_id, rejected.position, rejected.reason) == (load.id, "line 3", "field")
    assert rejected.detail == (
        'duration_mins must be a whole number, 1 to 2147483647, not "0"; '
        'size_mb must be a whole number, 0 to 2147483647, not "-1"'
    )
    assert rejected.record == "Jaws,0,English,-1"


def test_a_rejected_row_is_kept_as_it_was_written(catalogue: Catalogue) -> None:
    row = '"Ann",  B ,\'c@x\',"more\r\nlines"'
    path = catalogue.folder / "users.csv"
    path.write_text(f"first_name,last_name,email\r\n{row}\r\n", newline="")
    catalogue.load("user", path, max_rejected=NO_LIMIT)
    assert [rejected.record for rejected in rejected_records(catalogue.connection)] == [row]


def test_a_rejected_json_record_is_kept_byte_for_byte(catalogue: Catalogue) -> None:
    record = '{"name" : "E\\u006dma", "pages":12345678901234567890.50,\n "pages": 1E5, "author":"\\u0000", "\\/": "é"}'
    path = catalogue.folder / "books.json"
    path.write_text(f"[ {record} ]")
    catalogue.load("book", path, max_rejected=NO_LIMIT)
    [rejected] = rejected_records(catalogue.connection)
    assert rejected.position == "record 1"
    assert rejected.record == record
    assert rejected.detail == (
        "pages must be a whole number, 0 to 2147483647, not 1E+5; "
        'author must be text, not "\\u0000"; publisher is missing'
    )


def test_a_record_with_half_of_a_surrogate_pair_is_rejected_not_changed(catalogue: Catalogue) -> None:
    good = r'{"name": "\ud83d\ude00", "pages": 1, "author": "\\ud83d", "publisher": "p"}'
    wrong = r'{"name": "Emma", "pages": 1, "author": "cut \ud83d", "publisher": "p"}'
    ignored = r'{"name": "Sula", "pages": 1, "author": "a", "publisher": "p", "note": "cut \ud83d"}'
    path = catalogue.folder / "books.json"
    path.write_text(f"[{good}, {wrong}, {ignored}]")
    load = catalogue.load("book", path, max_rejected=NO_LIMIT).load
    assert sums(load) == (3, 2, 0, 0, 0, 1)
    assert catalogue.rows("book") == [("Sula", 1, "a", "p"), ("😀", 1, "\\ud83d", "p")]
    [rejected] = rejected_records(catalogue.connection)
    assert (rejected.position, rejected.record) == ("record 2", wrong)
    assert rejected.detail == r'author must be text, not "cut \ud83d"'


def test_more_rejected_records_than_allowed_load_nothing_and_are_kept(catalogue: Catalogue) -> None:
    path = catalogue.file("movie", [ALIEN, RUSH, WRONG])
    with pytest.raises(DataRefusedError, match=r"^1 of 3 records is wrong, so nothing was loaded\n") as refused:
        catalogue.load("movie", path)
    assert refused.value.hint.startswith("see them: python app.py catalogue rejected --load 1\n")
    assert catalogue.rows("movie") == []
    assert len(list(rejected_records(catalogue.connection, load_id=1))) == 1
    load = find_load(catalogue.connection, 1)
    assert load is not None
    assert (load.state, load.read, load.rejected, load.inserted) == ("failed", 3, 1, 0)
    assert load.error is not None
    assert load.error.startswith("1 of 3 records is wrong, so nothing was loaded\n")


@pytest.mark.parametrize(("limit", "is_loaded"), [("0", False), ("1", True), ("33%", False), ("33.4%", True)])
def test_the_limit_of_rejected_records_is_a_number_or_a_share(
    catalogue: Catalogue, limit: str, *, is_loaded: bool
) -> None:
    path = catalogue.file("movie", [ALIEN, RUSH, WRONG])
    try:
        catalogue.load("movie", path, max_rejected=Limit.of("--max-rejected", limit))
    except DataRefusedError:
        assert not is_loaded
    assert len(catalogue.rows("movie")) == (2 if is_loaded else 0)


def test_records_missing_from_a_snapshot_are_gone_and_return_with_it(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    half = Limit.of("", "50%")
    load = catalogue.load_records("movie", [RUSH], is_snapshot=True, max_gone=half)
    assert (load.gone, load.returned, load.unchanged) == (1, 0, 1)
    assert (catalogue.rows("movie"), catalogue.rows("movie", gone=True)) == ([RUSH_ROW], [ALIEN_ROW])
    again = catalogue.load_records("movie", [RUSH], is_snapshot=True, max_gone=half)
    assert (again.gone, again.unchanged) == (0, 1), "what is gone is not gone once more"
    back = catalogue.load_records("movie", [ALIEN | {"title": "ALIEN"}, RUSH], is_snapshot=True)
    assert (back.gone, back.returned, back.updated, back.unchanged) == (0, 1, 1, 1)
    assert catalogue.rows("movie", gone=True) == []
    assert len(catalogue.query("SELECT FROM catalogue_history")) == 2, "going and returning are history"


def test_a_record_that_is_rejected_in_a_snapshot_is_not_gone(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    wrong = ALIEN | {"title": "alien", "size_mb": "x"}
    load = catalogue.load_records("movie", [RUSH, wrong], is_snapshot=True, max_rejected=NO_LIMIT)
    assert (load.gone, load.rejected) == (0, 1)
    assert catalogue.rows("movie") == [ALIEN_ROW, RUSH_ROW]


@pytest.mark.parametrize(
    ("line", "is_readable"),
    [
        ("Alien,117,English", False),  # a title, if the last cell is missing; not if the first one is
        ("Alien,117,English,900,1", False),
        ("A" * 256 + ",117,English,900", False),
        (",117,English,900", None),  # no row is without a title
        ("Alien,117,English,-1", True),
    ],
)
def test_a_snapshot_marks_no_row_as_gone_if_the_key_of_a_rejected_record_cannot_be_read(
    catalogue: Catalogue, line: str, *, is_readable: bool | None
) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    path = catalogue.file("movie", [ALIEN], "whole.csv")
    path.write_text(path.read_text().splitlines()[0] + f"\n{line}\n")
    load = catalogue.load("movie", path, is_snapshot=True, max_rejected=NO_LIMIT, max_gone=NO_LIMIT).load
    assert (load.rejected, load.gone) == (1, {True: 1, None: 2, False: 0}[is_readable])
    expected = Remark("rejected records without a readable key, so no row was marked as gone", 1, ["line 2"])
    assert load.remarks == ([expected] if is_readable is False else [])
    assert catalogue.load("movie", path, is_snapshot=True).same_as == load.id
    fixed = catalogue.file("movie", [ALIEN], "whole.csv")
    again = catalogue.load("movie", fixed, is_snapshot=True, max_gone=NO_LIMIT).load
    assert (again.gone, again.returned) == {True: (0, 0), None: (0, 1), False: (1, 0)}[is_readable]
    assert again.remarks == []
    assert catalogue.rows("movie", gone=True) == [RUSH_ROW]


def test_the_keys_of_rejected_records_are_read_only_for_a_snapshot(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []
    monkeypatch.setattr(formats, "key_of", lambda _, value, *__, **___: read.append(value))
    catalogue.load_records("movie", [ALIEN, WRONG], max_rejected=NO_LIMIT)
    assert read == []
    catalogue.load_records("movie", [ALIEN, WRONG], is_snapshot=True, max_rejected=NO_LIMIT)
    assert read == [WRONG]


def test_a_file_whose_name_is_not_utf_8_is_loaded_under_an_escaped_one(catalogue: Catalogue) -> None:
    text = "title,duration_mins,original_language,size_mb\nAlien,117,English,900\nJaws,0,English,1\n"
    for name in (b"a\xff.csv", b"b.csv"):
        (catalogue.folder / os.fsdecode(name)).write_text(text)
    load = catalogue.load("movie", catalogue.folder, max_rejected=NO_LIMIT).load
    assert (load.inserted, load.rejected) == (1, 2)
    assert load.source == f"{catalogue.folder}/a\\xff.csv and 1 more"
    [(position,)] = catalogue.query("SELECT position FROM catalogue_rejected WHERE id = 1")
    assert position == f"{catalogue.folder}/a\\xff.csv, line 3"


def test_rejected_records_without_a_readable_key_are_counted_over_all_files(catalogue: Catalogue) -> None:
    books = [{"name": 1}, {"name": "E", "pages": 1, "author": "a", "publisher": "p"}, 5]
    for number in range(2):
        catalogue.file("book", books, f"{number}.json")
    load = catalogue.load("book", catalogue.folder, is_snapshot=True, max_rejected=NO_LIMIT).load
    [remark] = load.remarks
    assert (remark.number, len(remark.examples)) == (4, 3)
    assert [each.split(", ")[1] for each in remark.examples] == ["record 1", "record 3", "record 1"]


def test_a_snapshot_that_lacks_too_much_looks_like_a_cut_file_and_loads_nothing(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    with pytest.raises(
        DataRefusedError, match=r"^1 of 2 rows would be marked as gone, so nothing was loaded\n"
    ) as refused:
        catalogue.load_records("movie", [RUSH | {"size_mb": "1"}], is_snapshot=True)
    assert refused.value.why == "the limit is 10%, since this many missing rows suggest a cut file"
    assert catalogue.rows("movie") == [ALIEN_ROW, RUSH_ROW]


def test_a_dry_run_counts_all_and_leaves_nothing(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN, RUSH])
    load = catalogue.load_records(
        "movie",
        [ALIEN | {"size_mb": "1"}, WRONG],
        is_snapshot=True,
        is_dry_run=True,
        max_rejected=NO_LIMIT,
        max_gone=NO_LIMIT,
    )
    assert sums(load) == (2, 0, 1, 0, 0, 1)
    assert load.gone == 1
    assert catalogue.rows("movie") == [ALIEN_ROW, RUSH_ROW]
    assert [load.id for load in read_loads(catalogue.connection)] == [1]
    assert list(rejected_records(catalogue.connection)) == []


def test_remarks_are_counted_by_rule_with_examples(catalogue: Catalogue) -> None:
    authors = [
        {"metadata": {"name": name, "birth_date": born, "died_at": died}, "nationalities": []}
        for name, born, died in [
            ("Ann", "1950-01-01T00:00:00.000+0000", "2950-01-01T00:00:00.000+0000"),
            ("Bob", None, "2949-12-31"),
            ("Cyd", "1950-01-01", "1949-01-01"),
        ]
    ]
    assert catalogue.load_records("author", authors).remarks == [
        Remark("authors who died in the future", 2, ["Ann, 2950-01-01", "Bob, 2949-12-31"]),
        Remark("authors who died before birth", 1, ["Cyd, born 1950-01-01, died 1949-01-01"]),
    ]


def test_a_row_that_is_gone_is_no_finding_and_no_unknown_record(catalogue: Catalogue) -> None:
    metadata = {"birth_date": "1950-01-01", "died_at": "2950-01-01"}
    ann, bob = ({"metadata": metadata | {"name": name}, "nationalities": []} for name in ("Ann", "Bob"))
    catalogue.load_records("author", [ann, bob])
    catalogue.load_records("book", [{"name": "Emma", "pages": 1, "author": "Bob", "publisher": "p"}])
    catalogue.load_records("author", [ann], is_snapshot=True, max_gone=NO_LIMIT)
    died = Remark("authors who died in the future", 1, ["Ann, 2950-01-01"])
    assert findings(catalogue.connection, MODELS) == [("author", died)]


def test_a_session_longer_than_its_movie_is_loaded_with_a_remark(catalogue: Catalogue) -> None:
    catalogue.load_records("movie", [ALIEN])
    session = {"movie_title": "ALIEN", "user_email": "ann@x", "size_mb": "1", "start_at": "2021-12-01T00:00:00Z"}
    sessions = [
        session | {"end_at": "2021-12-01T01:57:00Z"},
        session | {"user_email": "b", "end_at": "2021-12-01T01:57:01Z"},
    ]
    [remark] = catalogue.load_records("stream", sessions).remarks
    assert (remark.rule, remark.number) == ("sessions longer than the movie", 1)
    assert remark.examples == ["b, ALIEN: 01:57:01, the movie lasts 117 min"]


NOT_JSON = "a.json cannot be read completely as JSON"
NO_ARRAY = "a.json is not a JSON array"
USERS = b"first_name,last_name,email\n"
MOVIES = b"title,duration_mins,original_language,size_mb\n"
BOOKS = b'[{"name":"E","pages":1,"author":"a","publisher":"p"}]'


@pytest.mark.parametrize(
    ("name", "content", "model", "what", "hint"),
    [
        ("a.json", BOOKS[:-2], "book", NOT_JSON, "it may be cut"),
        ("a.json", b'{"name": "Emma"}', "book", NO_ARRAY, "write the records as"),
        ("a.json", b"", "book", NO_ARRAY, "write the records as"),
        ("a.json", '["é"]'.encode("latin-1"), "book", "a.json is not UTF-8", "iconv -f latin1"),
        ("a.json", b'[{"name": "E" "pages": 1}]', "book", NOT_JSON, "it may be cut"),
        ("a.json", b"[1] 2", "book", NOT_JSON, "it may be cut"),
        ("a.json", BOOKS, "author", "a.json has records of another model", "load it as --model book"),
        ("a.csv", b"", "user", "a.csv has no columns first_name, last_name and email", "its first line must name"),
        ("a.csv", b"first_name,last_name\n", "user", "a.csv has no column email", "its first line must name"),
        ("a.csv", MOVIES, "user", "a.csv has no columns", "load it as --model movie"),
        ("a.csv", USERS + b'"Ann,B,c@x\n', "user", "a.csv cannot be read as CSV", "a quote may be missing"),
        ("a.csv", USERS + b"\xe9,b,c\n", "user", "a.csv is not UTF-8", "iconv -f latin1"),
        ("a.csv", b"name\n", "book", "a.csv is CSV, but the model book comes as JSON", "use --collector json"),
        ("a.csv", MOVIES, "review", "a.csv is CSV, but the model review comes as JSON", "load it as --model movie"),
        ("a.csv", b"email,email,first_name,last_name\n", "user", "a.csv has two columns called 'email'", "remove"),
        ("a.csv", gzip.compress(USERS, mtime=0), "user", "a.csv is compressed by gzip", "ends in .gz"),
        ("a.json", gzip.compress(BOOKS, mtime=0), "book", "a.json is compressed by gzip", "ends in .gz"),
        ("a.csv", USERS.decode().encode("utf-16"), "user", "a.csv is UTF-16", "iconv -f utf-16 -t utf-8"),
        ("a.csv.gz", gzip.compress(USERS + b"a,b,c\n" * 99, mtime=0)[:-9], "user", "a.csv.gz is corrupt", ""),
    ],
)
def test_input_that_cannot_be_read_completely_loads_nothing(
    catalogue: Catalogue, name: str, content: bytes, model: str, what: str, hint: str
) -> None:
    path = catalogue.folder / name
    path.write_bytes(content)
    with pytest.raises(FileError) as refused:
        catalogue.load(model, path)
    assert refused.value.what.startswith(f"{catalogue.folder}/{what}")
    assert hint in refused.value.hint
    assert catalogue.rows(model) == []
    assert [load.state for load in read_loads(catalogue.connection)] == ["failed"]


def test_a_file_that_is_cut_after_many_records_leaves_none_of_them(catalogue: Catalogue) -> None:
    books = [{"name": f"Book {number}", "pages": 1, "author": "a", "publisher": "p"} for number in range(5_000)]
    path = catalogue.folder / "books.json"
    path.write_text(json.dumps(books)[:-1])
    with pytest.raises(FileError):
        catalogue.load("book", path)
    assert catalogue.rows("book") == []


def test_a_csv_file_whose_last_line_has_no_end_is_loaded_with_a_remark_that_it_may_be_cut(catalogue: Catalogue) -> None:
    path = catalogue.file("movie", [ALIEN, RUSH])
    path.write_text(path.read_text()[:-2])  # a size of 800 is now 80
    load = catalogue.load("movie", path).load
    assert load.remarks == [Remark("files that may be cut, since the last line has no line end", 1, [str(path)])]
    assert catalogue.rows("movie")[1] == ("Rush", 123, "English", 80)


def test_a_byte_order_mark_quotes_and_line_ends_of_windows_are_read_as_meant(catalogue: Catalogue) -> None:
    path = catalogue.folder / "users.csv"
    path.write_bytes('\ufeffemail,first_name,last_name\r\n"ann@x","Ann\r\nMaria","O\'""Hara"\r\n\r\n'.encode())
    assert catalogue.load("user", path).load.read == 1
    assert catalogue.rows("user") == [("ann@x", "Ann\r\nMaria", "O'\"Hara")]


def test_the_files_of_a_folder_are_one_load_and_places_name_their_file(catalogue: Catalogue) -> None:
    catalogue.file("movie", [ALIEN, RUSH], "1.csv")
    catalogue.file("movie", [RUSH | {"size_mb": "801"}, WRONG], "2.csv")
    load = catalogue.load("movie", catalogue.folder, max_rejected=NO_LIMIT).load
    assert sums(load) == (4, 2, 0, 0, 1, 1)
    assert catalogue.rows("movie") == [ALIEN_ROW, ("Rush", 123, "English", 801)], "the last one counts"
    [rejected] = rejected_records(catalogue.connection)
    assert rejected.position == f"{catalogue.folder}/2.csv, line 3"


def test_files_of_one_load_have_the_same_columns(catalogue: Catalogue) -> None:
    catalogue.file("movie", [ALIEN], "1.csv")
    (catalogue.folder / "2.csv").write_text("size_mb,title,duration_mins,original_language\n1,Rush,1,English\n")
    with pytest.raises(FileError, match=r"2\.csv has other columns than the file before it"):
        catalogue.load("movie", catalogue.folder)
    assert catalogue.rows("movie") == []


@pytest.mark.parametrize("member", ["pages", "note"])
def test_a_number_of_any_length_is_one_rejected_or_ignored_record(catalogue: Catalogue, member: str) -> None:
    good = b'{"name": "Emma", "pages": 474, "author": "a", "publisher": "p"'
    path = catalogue.folder / "books.json"
    path.write_bytes(
        b"["
        + good
        + b"}, "
        + good.replace(b"Emma", b"Persuasion")
        + b', "%s": ' % member.encode()
        + b"1" * 4_301
        + b"}]"
    )
    load = catalogue.load("book", path, max_rejected=NO_LIMIT).load
    assert (load.read, load.inserted, load.rejected) == ((2, 1, 1) if member == "pages" else (2, 2, 0))


@pytest.mark.parametrize("number", ["1e99999999999999999999", "-1E+99999999999999999999", "1e400"])
def test_a_number_that_nothing_can_hold_is_shown_as_it_is(catalogue: Catalogue, number: str) -> None:
    path = catalogue.folder / "books.json"
    path.write_text(f'[{{"name": "Emma", "pages": {number}, "author": "a", "publisher": "p"}}]')
    catalogue.load("book", path, max_rejected=NO_LIMIT)
    [rejected] = rejected_records(catalogue.connection)
    shown = "1E+400" if number == "1e400" else number
    assert rejected.detail == f"pages must be a whole number, 0 to 2147483647, not {shown}"


def test_a_share_is_computed_without_rounding() -> None:
    for percent in range(101):
        assert not Limit.of("--max-rejected", f"{percent}%").is_exceeded(percent, 100)
        assert Limit.of("--max-rejected", f"{percent}%").is_exceeded(percent + 1, 100)


def test_the_same_bytes_are_loaded_again_if_the_options_would_treat_the_rejected_ones_differently(
    catalogue: Catalogue,
) -> None:
    path = catalogue.file("movie", [ALIEN, RUSH, WRONG])
    assert catalogue.load("movie", path, max_rejected=NO_LIMIT).same_as is None
    assert catalogue.load("movie", path).same_as == 1
    assert catalogue.load("movie", path, max_rejected=NO_LIMIT, zone=UTC).same_as is None
    with pytest.raises(DataRefusedError):
        catalogue.load("movie", path, max_rejected=Limit.of("--strict", "0"))


def test_rejected_records_are_read_by_an_index_in_their_order(catalogue: Catalogue) -> None:
    for number in range(3):
        catalogue.load_records("movie", [WRONG | {"title": f"{number}{each}"} for each in "ab"], max_rejected=NO_LIMIT)
    titles = [record.record[:2] for record in rejected_records(catalogue.connection)]
    assert titles == ["2a", "2b", "1a", "1b", "0a", "0b"]
    after = [record.id for record in rejected_records(catalogue.connection)]
    for position, record_id in enumerate(after):
        rest = [record.record[:2] for record in rejected_records(catalogue.connection, after=record_id)]
        assert rest == titles[position + 1 :]
    assert [record.record[:2] for record in rejected_records(catalogue.connection, load_id=2, limit=1)] == ["1a"]


def test_the_same_bytes_with_local_times_are_loaded_again_in_another_time_zone(catalogue: Catalogue) -> None:
    session = {"movie_title": "Alien", "user_email": "a", "size_mb": "1", "start_at": "2021-12-01T12:00:00"}
    path = catalogue.file("stream", [session | {"end_at": "2021-12-01T13:00:00"}])
    berlin, utc = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
    assert catalogue.load("stream", path, zone=berlin).load.inserted == 1
    assert catalogue.load("stream", path, zone=berlin).same_as == 1
    assert catalogue.load("stream", path, zone=utc).same_as is None
    with pytest.raises(DataRefusedError):
        catalogue.load("stream", path)
    assert [row[0].hour for row in catalogue.rows("stream")] == [11, 12]
