"""Whatever is loaded in whatever order, split and repetition, the tables are those of a plain dictionary."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load import staging
from metrics.catalogue.load.limits import Limit
from metrics.catalogue.load.loads import SUMS
from tests.catalogue.load.catalogue import Catalogue
from tests.examples import examples

NO_LIMIT = Limit.of("", "100%")
CATALOGUE_TABLES = ("catalogue_rejected", "catalogue_history", "catalogue_load")
KEYLESS = "rejected records without a readable key, so no row was marked as gone"
TOO_LONG = "x" * 256
NO_KEY = ()  # of a record that cannot be one of any row; of one whose key cannot be read, None
START = datetime(2021, 12, 1, tzinfo=UTC)

KEYS = st.sampled_from(["ann", "Ann", "ANN", "bob", "Bob", "é", "É", "cyd"])
SIZES = st.sampled_from(["1", "2", "0.5", "-1", "x"])  # the last two are wrong


def moment(minutes: int) -> str:
    """Return a time of the day; the same moment is written with different offsets."""
    hours = minutes % 3
    return (START + timedelta(minutes=minutes, hours=hours)).strftime("%Y-%m-%dT%H:%M:%S") + f"+0{hours}00"


SESSIONS = st.fixed_dictionaries(
    {
        "movie_title": KEYS,
        "user_email": st.sampled_from(["u", "U", ""]),  # a user has an address
        "size_mb": SIZES,
        "start_at": st.integers(0, 3).map(moment),
        "end_at": st.integers(1, 4).map(moment),
    }
)
MOVIES = st.fixed_dictionaries(
    {
        "title": KEYS | st.sampled_from(["", TOO_LONG]),
        "duration_mins": st.sampled_from(["1", "2", "0"]),  # the last one is wrong
        "original_language": st.just("en"),
        "size_mb": st.sampled_from(["1", "x"]),
    }
)
USERS = st.fixed_dictionaries(
    {"email": KEYS | st.just(""), "first_name": st.sampled_from(["A", "B"]), "last_name": st.sampled_from(["", "C"])}
)
BOOKS = st.fixed_dictionaries(
    {"name": KEYS | st.none(), "pages": st.sampled_from([1, 2, "3"]), "author": KEYS, "publisher": st.just("P")}
)
AUTHORS = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {
                "name": KEYS | st.none(),
                "birth_date": st.sampled_from([None, "1956-05-07T00:00:00.000+0000", "1956-05-32"]),
                "died_at": st.none(),
            }
        ),
        "nationalities": st.sampled_from([[], [{"slug": ""}, {"slug": "thais"}], [{"slug": "danes"}]]),
    }
)
TITLE = st.fixed_dictionaries({"title": st.sampled_from(["end", "End", "", None, "Alien", "ALIEN"])})
REVIEWS = st.fixed_dictionaries(
    {
        "content": st.fixed_dictionaries({"text": st.sampled_from(["A", "B", None])}),
        "rating": st.fixed_dictionaries({"rate": st.sampled_from([1, 5, 6])}),
        "books": st.lists(st.fixed_dictionaries({"metadata": st.fixed_dictionaries({"title": KEYS})}), max_size=1),
        "movies": st.lists(TITLE, min_size=2, max_size=2),
        "created": st.integers(0, 1).map(moment),
        "updated": st.integers(0, 2).map(moment),
    }
)
LOADS: dict[str, st.SearchStrategy[Any]] = {
    "movie": MOVIES,
    "user": USERS,
    "stream": SESSIONS,
    "author": AUTHORS,
    "book": BOOKS,
    "review": REVIEWS,
}


class Kept(NamedTuple):
    """A row of a table."""

    values: tuple[Any, ...]
    first_load: int
    last_load: int
    is_gone: bool


class Reference:
    """A table as a dictionary: rows by their key, without case; and the rows that were replaced, with the load."""

    def __init__(self, model: str) -> None:
        self.read = READ[model]
        self.rows: dict[tuple[Any, ...], Kept] = {}
        self.history: list[tuple[int, Kept]] = []

    def load(self, load_id: int, records: list[dict[str, Any]], *, is_snapshot: bool) -> tuple[int, ...]:
        """Load records; return read, inserted, updated, unchanged, repeated, rejected, gone and returned ones."""
        outcomes = [self.read(record) for record in records]
        latest = {key: values for key, values in outcomes if values is not None}
        rejected = [key for key, values in outcomes if values is None]
        inserted = latest.keys() - self.rows.keys()
        updated = {
            key for key in latest.keys() - inserted if self.rows[key].is_gone or self.rows[key].values != latest[key]
        }
        returned = {key for key in updated if self.rows[key].is_gone}
        gone = set()
        if is_snapshot and None not in rejected:
            gone = {key for key, row in self.rows.items() if not row.is_gone} - latest.keys() - set(rejected)
        self.history += [(load_id, self.rows[key]) for key in updated | gone]
        for key in inserted:
            self.rows[key] = Kept(latest[key], load_id, load_id, is_gone=False)
        for key in updated:
            self.rows[key] = Kept(latest[key], self.rows[key].first_load, load_id, is_gone=False)
        for key in gone:
            self.rows[key] = self.rows[key]._replace(last_load=load_id, is_gone=True)
        unchanged, repeated = len(latest) - len(inserted) - len(updated), len(records) - len(rejected) - len(latest)
        sums = len(records), len(inserted), len(updated), unchanged, repeated, len(rejected)
        return *sums, len(gone), len(returned)


def movie(record: dict[str, str]) -> tuple[Any, Any]:
    key = (record["title"].lower(),) if record["title"] else NO_KEY
    if record["title"] == TOO_LONG:
        return None, None
    if not key or record["duration_mins"] == "0" or record["size_mb"] == "x":
        return key, None
    return key, (record["title"], int(record["duration_mins"]), "en", 1)


def author(record: dict[str, Any]) -> tuple[Any, Any]:
    name, born = record["metadata"]["name"], record["metadata"]["birth_date"]
    if name is None or born == "1956-05-32":
        return (name.lower(),) if name else NO_KEY, None
    slugs = [nationality["slug"] for nationality in record["nationalities"] if nationality["slug"]]
    return (name.lower(),), (name, born and date(1956, 5, 7), None, slugs[0] if slugs else None)


def review(record: dict[str, Any]) -> tuple[Any, Any]:
    titles = [each["title"] for each in record["movies"] if each["title"] not in ("end", "End", "", None)]
    if not titles or not record["books"]:
        return NO_KEY, None
    if len(titles) > 1:
        return None, None
    [title], book_title = titles, record["books"][0]["metadata"]["title"]
    created, text, rate = datetime.fromisoformat(record["created"]), record["content"]["text"], record["rating"]["rate"]
    key = (created, title.lower(), book_title.lower())
    if text is None or rate == 6:
        return key, None
    return key, (created, title, book_title, rate, text, datetime.fromisoformat(record["updated"]))


def session(record: dict[str, str]) -> tuple[Any, Any]:
    start_at, end_at = datetime.fromisoformat(record["start_at"]), datetime.fromisoformat(record["end_at"])
    key = (start_at, record["user_email"].lower(), record["movie_title"].lower()) if record["user_email"] else NO_KEY
    if not key or record["size_mb"] in ("-1", "x") or end_at < start_at:
        return key, None
    return key, (start_at, record["user_email"], record["movie_title"], end_at, float(record["size_mb"]))


def user(record: dict[str, str]) -> tuple[Any, Any]:
    if not record["email"]:
        return NO_KEY, None
    return (record["email"].lower(),), (record["email"], record["first_name"], record["last_name"])


def book(record: dict[str, Any]) -> tuple[Any, Any]:
    key = (record["name"].lower(),) if record["name"] else NO_KEY
    if not key or record["pages"] == "3":
        return key, None
    return key, (record["name"], record["pages"], record["author"], record["publisher"])


READ = {"movie": movie, "user": user, "stream": session, "author": author, "book": book, "review": review}


def table(catalogue: Catalogue, model: str) -> list[Kept]:
    columns = SQL(", ").join(Identifier(column.name) for column in MODELS[model].columns)
    query = SQL("SELECT {}, first_load, last_load, gone_at IS NOT NULL FROM {}").format(columns, Identifier(model))
    return [Kept(tuple(row[:-3]), *row[-3:]) for row in catalogue.connection.execute(query)]


def history(catalogue: Catalogue, model: str) -> list[tuple[int, Kept]]:
    """Return the rows that were replaced, with the load that did."""
    types = {"timestamptz": datetime.fromisoformat, "date": date.fromisoformat}
    found = []
    for load_id, record in catalogue.query(f"SELECT load_id, record FROM catalogue_history WHERE model = '{model}'"):
        cells = [(types.get(column.type, lambda cell: cell), record[column.name]) for column in MODELS[model].columns]
        values = tuple(None if cell is None else convert(cell) for convert, cell in cells)
        found.append((load_id, Kept(values, record["first_load"], record["last_load"], record["gone_at"] is not None)))
    return found


@pytest.mark.parametrize("model", LOADS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(100), deadline=None)
@given(data=st.data(), chunk=st.sampled_from([1, 3, 200_000]))
def test_loads_give_the_tables_the_sums_and_the_history_of_a_plain_dictionary(
    catalogue: Catalogue, model: str, chunk: int, data: st.DataObject
) -> None:
    tables = SQL(", ").join(Identifier(name) for name in (model, *CATALOGUE_TABLES))
    catalogue.connection.execute(SQL("TRUNCATE {}").format(tables))
    reference = Reference(model)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staging, "CHUNK", chunk)
        for records, is_snapshot in data.draw(
            st.lists(st.tuples(st.lists(LOADS[model], max_size=8), st.booleans()), max_size=5)
        ):
            load = catalogue.load_records(
                model, records, is_snapshot=is_snapshot, max_rejected=NO_LIMIT, max_gone=NO_LIMIT
            )
            expected = reference.load(load.id, records, is_snapshot=is_snapshot)
            assert tuple(getattr(load, name) for name in SUMS) == expected
            assert Counter(table(catalogue, model)) == Counter(reference.rows.values())
            assert Counter(history(catalogue, model)) == Counter(reference.history), "each replaced row once"
            keyless = sum(reference.read(record)[0] is None for record in records) if is_snapshot else 0
            assert sum(remark.number for remark in load.remarks if remark.rule == KEYLESS) == keyless
