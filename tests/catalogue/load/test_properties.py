"""Whatever is loaded in whatever order, split and repetition, the tables are those of a plain dictionary."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.catalogue.load import staging
from metrics.catalogue.load.limits import Limit
from tests.catalogue.load.catalogue import Catalogue

NO_LIMIT = Limit.of("", "100%")
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
USERS = st.fixed_dictionaries(
    {"email": KEYS | st.just(""), "first_name": st.sampled_from(["A", "B"]), "last_name": st.sampled_from(["", "C"])}
)
BOOKS = st.fixed_dictionaries(
    {"name": KEYS | st.none(), "pages": st.sampled_from([1, 2, "3"]), "author": KEYS, "publisher": st.just("P")}
)
LOADS: dict[str, st.SearchStrategy[Any]] = {"stream": SESSIONS, "user": USERS, "book": BOOKS}


class Reference:
    """Tables of dictionaries: a record by its key, without case; and the keys of those that are gone."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self.gone: set[tuple[Any, ...]] = set()

    def load(self, model: str, records: list[dict[str, Any]], *, is_snapshot: bool) -> tuple[int, ...]:
        """Load records; return read, inserted, updated, unchanged, repeated, rejected, gone and returned ones."""
        before, gone_before, seen, present = dict(self.rows), set(self.gone), set(), set()
        rejected = 0
        for record in records:
            key, row = READ[model](record)
            if key is not None:
                present.add(key)
            if row is None:
                rejected += 1
            else:
                self.rows[key] = row
                self.gone.discard(key)
                seen.add(key)
        gone = (before.keys() - gone_before - present) if is_snapshot else set()
        self.gone |= gone
        inserted = seen - before.keys()
        returned = seen & gone_before
        updated = {key for key in seen & before.keys() if self.rows[key] != before[key]} | returned
        unchanged = len(seen) - len(inserted) - len(updated)
        repeated = len(records) - rejected - len(seen)
        sums = len(records), len(inserted), len(updated), unchanged, repeated, rejected
        return *sums, len(gone), len(returned)


def session(record: dict[str, str]) -> tuple[Any, Any]:
    start_at, end_at = datetime.fromisoformat(record["start_at"]), datetime.fromisoformat(record["end_at"])
    key = (start_at, record["user_email"].lower(), record["movie_title"].lower()) if record["user_email"] else None
    if key is None or record["size_mb"] in ("-1", "x") or end_at < start_at:
        return key, None
    return key, (start_at, record["user_email"], record["movie_title"], end_at, float(record["size_mb"]))


def user(record: dict[str, str]) -> tuple[Any, Any]:
    if not record["email"]:
        return None, None
    return (record["email"].lower(),), (record["email"], record["first_name"], record["last_name"])


def book(record: dict[str, Any]) -> tuple[Any, Any]:
    key = (record["name"].lower(),) if record["name"] else None
    if key is None or record["pages"] == "3":
        return key, None
    return key, (record["name"], record["pages"], record["author"], record["publisher"])


READ = {"stream": session, "user": user, "book": book}


@pytest.mark.parametrize("model", LOADS)
@pytest.mark.parametrize("chunk", [1, 3, 200_000])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(data=st.data())
def test_loads_give_the_tables_and_the_sums_of_a_plain_dictionary(
    catalogue: Catalogue, model: str, chunk: int, data: st.DataObject
) -> None:
    catalogue.connection.execute('TRUNCATE stream, "user", book, catalogue_rejected, catalogue_history, catalogue_load')
    reference = Reference()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(staging, "CHUNK", chunk)
        for records, is_snapshot in data.draw(
            st.lists(st.tuples(st.lists(LOADS[model], max_size=8), st.booleans()), max_size=4)
        ):
            load = catalogue.load_records(
                model, records, is_snapshot=is_snapshot, max_rejected=NO_LIMIT, max_gone=NO_LIMIT
            )
            expected = reference.load(model, records, is_snapshot=is_snapshot)
            sums = load.read, load.inserted, load.updated, load.unchanged, load.repeated, load.rejected
            assert (*sums, load.gone, load.returned) == expected
            present = {key: row for key, row in reference.rows.items() if key not in reference.gone}
            assert sorted(catalogue.rows(model)) == sorted(present.values())
            assert len(catalogue.rows(model, gone=True)) == len(reference.gone)
