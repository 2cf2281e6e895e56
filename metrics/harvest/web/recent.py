"""Runs and digests of reports, read once for all open pages."""

import asyncio
import time
from collections.abc import Callable

from metrics.harvest.archive.runs import Listing
from metrics.harvest.web.digest import Digest, digest
from metrics.harvest.web.stored import Stored

READ_EVERY_S = 2.0
RUNS = 200
MAX_EVENTS = 50_000  # of the reports whose digests are kept, unless the newest has more


class Recent:
    """The newest runs, and the digests of the reports that pages show.

    For any number of open pages, the folder is read at most every READ_EVERY_S seconds.
    """

    def __init__(self, stored: Stored, clock: Callable[[], float] = time.monotonic) -> None:
        self._stored = stored
        self._clock = clock
        self._listing, self._digesting = asyncio.Lock(), asyncio.Lock()  # a large report does not delay the list
        self._runs = Listing([], {})
        self._read_at_s = float("-inf")
        self._digests: dict[str, Digest] = {}

    async def runs(self) -> Listing:
        """Return the newest runs, and all whose reports cannot be read.

        Raises:
            MetricsError, HTTPException: they cannot be read.
        """
        async with self._listing:
            if self._clock() - self._read_at_s >= READ_EVERY_S:
                listing = await self._stored.do(self._stored.listing)
                self._runs = listing._replace(heads=listing.heads[:RUNS])
                self._read_at_s = self._clock()
        return self._runs

    def forget(self) -> None:
        """Make the next `runs` read the folder again, since a run has ended."""
        self._read_at_s = float("-inf")

    async def digest(self, run: str) -> Digest:
        """Return the digest of a run's report.

        Raises:
            MetricsError, HTTPException: it cannot be read.
        """
        async with self._digesting:
            if run not in self._digests:
                self._digests[run] = await self._stored.do(lambda: digest(self._stored.report(run)))
                while (
                    len(self._digests) > 1 and sum(each.report.events for each in self._digests.values()) > MAX_EVENTS
                ):
                    del self._digests[next(iter(self._digests))]
            return self._digests[run]
