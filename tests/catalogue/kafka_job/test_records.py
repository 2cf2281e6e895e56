"""What becomes of the records of a topic: rows, tombstones, rejected ones."""

import json
from pathlib import Path

import pytest

from tests.catalogue.kafka_job.topic import Topic, gone, movie, rows, sums
from tests.kafka import raw_records
from tests.kafka.application import Application


def test_records_become_rows_and_the_next_load_continues_after_them(movies: Topic) -> None:
    movies.send([movie("Solaris", 167), movie("Stalker", 162), movie("solaris", 166)])
    load = movies.load()
    assert sums(load, "read", "inserted", "repeated") == [3, 2, 1]
    assert (load["collector"], load["source"], load["state"]) == ("kafka", movies.name, "done")
    assert movies.offsets() == [(0, 3)]
    movies.send([movie("Stalker", 162), movie("Mirror", 107)])
    assert sums(movies.load(), "read", "inserted", "unchanged") == [2, 1, 1]
    assert rows(movies) == {
        "solaris": ("solaris", 166, False),
        "stalker": ("Stalker", 162, False),
        "mirror": ("Mirror", 107, False),
    }
    assert sums(movies.load(), "read") == [0]


def test_a_tombstone_marks_a_row_as_gone_and_a_later_record_returns_it(movies: Topic) -> None:
    movies.send([movie("Solaris"), movie("Stalker")])
    movies.load()
    movies.send([gone("SOLARIS"), gone("Unknown"), gone("solaris")])
    load = movies.load()
    assert sums(load, "read", "updated", "unchanged", "repeated", "gone") == [3, 1, 1, 1, 1]
    assert rows(movies) == {"solaris": ("Solaris", 100, True), "stalker": ("Stalker", 100, False)}
    [(last_load, history)] = movies.query(
        "SELECT last_load, (SELECT count(*) FROM catalogue_history WHERE load_id = last_load) FROM movie "
        "WHERE gone_at IS NOT NULL"
    )
    assert (last_load, history) == (load["id"], 1)
    assert sums(movies.load(), "read") == [0]  # a tombstone of a row that is gone changes nothing
    movies.send([movie("Solaris")])
    assert sums(movies.load(), "read", "updated", "returned") == [1, 1, 1]
    assert rows(movies)["solaris"] == ("Solaris", 100, False)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([movie("A"), gone("A")], {"a": ("A", 100, True)}),
        ([gone("A")], {}),
        ([gone("A"), movie("A")], {"a": ("A", 100, False)}),
        (
            [movie("A", 1), gone("A"), movie("A", 2), gone("B"), movie("B")],
            {"a": ("A", 2, False), "b": ("B", 100, False)},
        ),
        ([movie("A", 1), gone("A"), movie("A", 2), gone("A")], {"a": ("A", 2, True)}),
    ],
)
def test_within_a_batch_the_last_record_or_tombstone_of_a_key_counts(
    movies: Topic, records: list[object], expected: dict[str, object]
) -> None:
    movies.send(records)  # type: ignore[arg-type]
    assert sums(movies.load(), "read") == [len(records)]
    assert rows(movies) == expected


def test_a_row_that_is_changed_and_gone_in_one_batch_keeps_the_change(movies: Topic) -> None:
    movies.send([movie("A", 1)])
    movies.load()
    movies.send([movie("A", 2), gone("A")])
    assert sums(movies.load(), "read", "updated", "repeated", "gone") == [2, 2, 0, 1]
    assert rows(movies) == {"a": ("A", 2, True)}


KEY = "text of 1 to 255 characters"
STREAM = {"start_at": "2021-12-06T19:30:19.099+0100", "user_email": "ann@x.org", "movie_title": "Solaris"}


def test_a_key_of_several_columns_is_a_json_object(application: Application, database_url: str) -> None:
    streams = Topic(application, database_url, "stream")
    record = {**STREAM, "end_at": "2021-12-06T20:30:19.099+0100", "size_mb": 7.5}
    streams.send([(None, json.dumps(record).encode(), 0)])
    assert sums(streams.load(), "inserted") == [1]
    same = {"start_at": "2021-12-06T18:30:19.099Z", "user_email": "ANN@x.org", "movie_title": "solaris"}
    streams.send([(json.dumps(same).encode(), None, 0), (b'{"movie_title": 5}', None, 0), (b"ann", None, 0)])
    assert sums(streams.load(), "updated", "rejected", "gone") == [1, 2, 1]
    assert [(position, reason, detail) for position, reason, detail, _ in streams.rejected()] == [
        (
            "partition 0 offset 2",
            "key",
            f"in the key, start_at is missing; user_email is missing; movie_title must be {KEY}, not 5",
        ),
        (
            "partition 0 offset 3",
            "key",
            "the key is not a JSON object: JSON is malformed: Expecting value: line 1 column 1 (char 0)",
        ),
    ]


def test_a_review_is_loaded_and_removed(application: Application, database_url: str) -> None:
    reviews = Topic(application, database_url, "review")
    review = {
        "content": {"text": "Slow"},
        "rating": {"rate": 4, "label": "x"},
        "books": [{"id": 1, "metadata": {"title": "Solaris", "pages": 204}}],
        "movies": [{"id": 1, "title": "end"}, {"id": 2, "title": "Solaris"}],
        "created": "2021-01-02T03:04:05.000+0000",
        "updated": "2021-01-01T03:04:05.000+0000",
    }
    key = {"created_at": "2021-01-02T03:04:05Z", "movie_title": "Solaris", "book_title": "solaris"}
    reviews.send([(None, json.dumps(review).encode(), 0)])
    load = reviews.load()
    assert [remark["rule"] for remark in load["remarks"]] == ["reviews updated before their creation"]
    reviews.send([(json.dumps(key).encode(), None, 0)])
    assert sums(reviews.load(), "gone") == [1]


def test_wrong_records_are_rejected_with_their_place_and_everything_wrong(movies: Topic) -> None:
    wrong = [
        movie("A", "long"),
        (None, b'{"title": "B", "duration_mins": 0, "original_language": "en"}', 0),
        (None, b"\xff\x00not JSON", 0),
        (None, b"{", 0),
        (None, b"[" * 100_000, 0),
        (None, b"", 0),
        (None, None, 0),
        (b"\xfe", None, 0),
        (None, b'{"title": "C\\\xff", "duration_mins": 1, "original_language": "en", "size_mb": 1}', 0),
        (None, b'{"title": "D", "duration_mins": 1, "original_language": "en", "size_mb": 1, "x": "\xff"}', 0),
    ]
    movies.send([movie("Solaris"), *wrong, movie("Stalker")])
    load = movies.load()
    assert sums(load, "read", "inserted", "rejected") == [12, 2, 10]
    assert load["rejected_by_reason"] == {"field": 2, "encoding": 4, "json": 3, "key": 1}
    found = movies.rejected()
    assert [position for position, *_ in found] == [f"partition 0 offset {number}" for number in range(1, 11)]
    assert [detail for _, _, detail, _ in found] == [
        'duration_mins must be a whole number, 1 to 2147483647, not "long"',
        "duration_mins must be a whole number, 1 to 2147483647, not 0; size_mb is missing",
        "it is not UTF-8: byte 0xff at 0",
        "JSON is malformed: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        "JSON is nested too deeply",
        "JSON is malformed: Expecting value: line 1 column 1 (char 0)",
        "it has neither a value nor a key",
        "the key is not UTF-8: byte 0xfe at 0",
        "it is not UTF-8: byte 0xff at 13",
        "it is not UTF-8: byte 0xff at 82",
    ]
    records = [record for *_, record in found]
    assert records[2] == r"\xff\0not JSON"
    assert records[4] == "[" * 100_000
    assert records[6:8] == ['{"key": null, "value": null}', r'{"key": "\xfe", "value": null}']
    assert records[8].startswith(r'{"title": "C\\\xff", ')
    again = movies.application.answer(
        "catalogue", "load", "--model", "movie", "--rejected-of", str(load["id"]), "--json"
    )
    assert sums(again, "read", "rejected") == [10, 10]
    assert again["rejected_by_reason"] == {"field": 3, "encoding": 4, "json": 3}
    assert movies.rejected()[11:16] == [(f"record {number}", *kept) for number, (_, *kept) in enumerate(found[1:6], 2)]


def test_a_rejected_tombstone_keeps_its_key_and_is_rejected_again(application: Application, database_url: str) -> None:
    streams = Topic(application, database_url, "stream")
    record = {**STREAM, "end_at": "2021-12-06T20:30:19.099+0100", "size_mb": 7.5}
    key = json.dumps({**STREAM, "start_at": "2021-12-06T19:30:19.099"})
    streams.send([(None, json.dumps(record).encode(), 0), (key.encode(), None, 0), ("ü\0".encode(), None, 0)])
    load = streams.load()
    assert sums(load, "inserted", "rejected", "gone") == [1, 2, 0]
    records = [record for *_, record in streams.rejected()]
    assert [json.loads(record) for record in records] == [{"key": key, "value": None}, {"key": "ü\0", "value": None}]
    assert "ü" in records[1]
    arguments = ["catalogue", "load", "--model", "stream", "--rejected-of", str(load["id"]), "--json"]
    again = application.answer(*arguments, "--time-zone", "Europe/Berlin")
    assert sums(again, "read", "rejected", "gone") == [2, 2, 0]
    assert streams.query("SELECT count(*) FROM stream WHERE gone_at IS NOT NULL") == [(0,)]


def test_headers_are_ignored_even_unreadable_ones(movies: Topic) -> None:
    _, value, _ = movie("Solaris")
    raw_records.send(movies.application.bootstrap_servers, movies.name, value or b"", [(b"\xff", b"\xfe")])
    assert sums(movies.load(), "inserted") == [1]


def test_a_record_may_be_large(application: Application, database_url: str) -> None:
    books = Topic(application, database_url, "book")
    publisher = "ü" * 450_000
    book = {"name": "A", "pages": 1, "author": "B", "publisher": publisher}
    books.send([(None, json.dumps(book, ensure_ascii=False).encode(), 0)])
    assert sums(books.load(), "inserted") == [1]
    assert books.query("SELECT length(publisher), publisher = repeat('ü', 450000) FROM book") == [(450_000, True)]


def test_times_without_an_offset_are_in_the_time_zone_that_is_named(
    application: Application, database_url: str
) -> None:
    streams = Topic(application, database_url, "stream")
    record = {**STREAM, "start_at": "2021-12-06T19:30:19", "end_at": "2021-12-06T20:30:19", "size_mb": 7}
    streams.send([(None, json.dumps(record).encode(), 0)])
    assert sums(streams.load("--time-zone", "Europe/Berlin"), "inserted") == [1]
    assert streams.query("SELECT start_at::text FROM stream") == [("2021-12-06 18:30:19+00",)]


def test_a_file_is_loaded_again_once_a_topic_has_changed_the_table(movies: Topic, tmp_path: Path) -> None:
    file = tmp_path / "movies.csv"
    file.write_text("title,duration_mins,original_language,size_mb\nSolaris,167,ru,700\n")
    arguments = ["catalogue", "load", "--model", "movie", "--config", str(file), "--json"]
    assert sums(movies.application.answer(*arguments), "inserted") == [1]
    assert movies.application.answer(*arguments)["same_as"] is not None
    movies.send([movie("Solaris", 1)])
    movies.load()
    assert sums(movies.application.answer(*arguments), "updated") == [1]
