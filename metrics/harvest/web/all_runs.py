"""The answers about all runs together."""

import asyncio
from collections.abc import Iterator, Sequence

from metrics.harvest.archive.answering import ReportedRuns
from metrics.harvest.core.reports import Figures, UserReport
from metrics.harvest.web.stored import Covered, Stored


class AllRuns:
    """Answers about the events of all runs together.

    The events are read once, and the answers are kept, with users on disk, until another run has ended.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._reading = asyncio.Lock()
        self._newest: tuple[Sequence[Covered], ReportedRuns] | None = None

    async def figures(self) -> Figures:
        """Return the answers without users.

        Raises:
            HTTPException: 404, no run has ended; 503, there are too many other requests.
            FileError: events cannot be read.
        """
        return (await self._answers()).figures

    async def users(self) -> Iterator[UserReport]:
        """Return the reports of users, which are read from disk one by one.

        Raises:
            HTTPException, FileError: as `figures`.
        """
        return (await self._answers()).users()

    async def _answers(self) -> ReportedRuns:
        async with self._reading:  # without a turn, so that equal requests leave the other turns free
            return await self._stored.do(self._read)

    def _read(self) -> ReportedRuns:
        runs = self._stored.covered()
        if self._newest is None or self._newest[0] != runs:
            self._newest = runs, self._stored.read(runs)
        return self._newest[1]
