"""Contents of all open pages, read once for all of them."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from metrics.catalogue.load.loads import Connection, Load, changes, read_loads, read_newest_loads
from metrics.catalogue.load.rejected import Rejected, rejected_records
from metrics.catalogue.query.shipped import ShippedQuery
from metrics.catalogue.web.answering import Answered, answer
from metrics.time.zones import UTC
from metrics.web.database import Database

READ_EVERY_S = 2.0
LOADS, REJECTED = 20, 50


class Newest(NamedTuple):
    """The newest loads and rejected records.

    Attributes:
        by_model: the newest load of each model.
        changes: a text that differs once a load has changed a table, so that answers may differ, too.
    """

    loads: Sequence[Load]
    by_model: Sequence[Load]
    rejected: Sequence[Rejected]
    changes: str


class Recent:
    """The newest loads and rejected records, and the answers to the queries with their defaults.

    However many pages are open, the database is read every READ_EVERY_S seconds at most, and a query runs again only
    after another load.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._reading, self._answering = asyncio.Lock(), asyncio.Lock()
        self._newest = Newest((), (), (), "")
        self._failure: Exception | None = None
        self._read_at_s = float("-inf")
        self._answers: dict[str, tuple[str, Answered]] = {}

    async def newest(self) -> Newest:
        """Return the newest loads and rejected records.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        async with self._reading:
            if self._clock() - self._read_at_s >= READ_EVERY_S:
                try:
                    self._newest, self._failure = await self._database.run(_read), None
                except Exception as error:
                    self._failure = error
                self._read_at_s = self._clock()
        if self._failure is not None:
            raise self._failure
        return self._newest

    async def answer(self, query: ShippedQuery, changes: str) -> Answered:
        """Return the answer to a query with its defaults.

        Args:
            changes: of the newest loads.

        Raises:
            MetricsError, HTTPException, RequestValidationError: as `ask`.
        """
        async with self._answering:
            known = self._answers.get(query.name)
            if known is None or known[0] != changes:
                known = changes, await self.ask(query, {}, UTC)
                self._answers[query.name] = known
            return known[1]

    async def ask(self, query: ShippedQuery, given: Mapping[str, str], time_zone: str) -> Answered:
        """Run a query.

        Raises:
            MetricsError, HTTPException, RequestValidationError: as `answer` of `answering.py`.
        """
        return await self._database.run(lambda connection: answer(connection, query, given, time_zone))


def _read(connection: Connection) -> Newest:
    loads = read_loads(connection, limit=LOADS)
    rejected = [*islice(rejected_records(connection, limit=REJECTED), REJECTED)]
    return Newest(loads, read_newest_loads(connection), rejected, changes(connection))
