"""The answers of the original about all runs, in bounded memory."""

from collections import Counter
from collections.abc import AsyncIterator, Container, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from metrics.harvest.core import original
from metrics.harvest.core.event import Event
from metrics.harvest.core.reports import Reports, RunEvents, reports
from metrics.harvest.web.stored import Covered, Stored

MAX_EVENTS = 50_000  # of the users in one part, unless one user has more


class _Figures(NamedTuple):
    """Answers about runs, without users.

    Attributes:
        events: number of each user's events.
    """

    runs: Sequence[Covered]
    reports: Reports
    events: Counter[int]


class AllRuns:
    """Answers about the events of all runs together.

    Memory does not grow with the events: figures are numbers for each user and show, and users are reported in parts of
    MAX_EVENTS events. The newest figures, and users that fit into one part, are kept until another run has ended.
    """

    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._figures: _Figures | None = None
        self._only_part: tuple[Sequence[Covered], bytes] | None = None

    async def figures(self) -> Reports:
        """Return the answers without users.

        Raises:
            HTTPException: 404, no run has ended; 503, there are too many other requests.
            FileError: events cannot be read.
        """
        return (await self._stored.do(self._read_figures)).reports

    async def users(self) -> AsyncIterator[bytes]:
        """Return the original's report of users, in parts.

        Raises:
            HTTPException, FileError: as `figures`.
        """
        figures = await self._stored.do(self._read_figures)
        return self._parts(figures.runs, [*_together(figures.events)])

    async def _parts(self, runs: Sequence[Covered], together: Sequence[Container[int]]) -> AsyncIterator[bytes]:
        yield b"["
        for number, users in enumerate(together):
            read = self._read_only_part if len(together) == 1 else self._read_part
            part = await self._stored.do(partial(read, runs, users))
            yield b"," * bool(number) + part[1:-1]
        yield b"]"

    def _read_figures(self) -> _Figures:
        runs = self._stored.covered()
        figures = self._figures
        if figures is None or figures.runs != runs:
            events: Counter[int] = Counter()
            read = (RunEvents(run.started_us, _counting(self._stored.events(run.run), events)) for run in runs)
            figures = self._figures = _Figures(runs, reports(read, of_users=()), events)
        return figures

    def _read_only_part(self, runs: Sequence[Covered], users: Container[int]) -> bytes:
        known = self._only_part
        if known is None or known[0] != runs:
            known = self._only_part = runs, self._read_part(runs, users)
        return known[1]

    def _read_part(self, runs: Sequence[Covered], users: Container[int]) -> bytes:
        return original.user_report(
            reports(RunEvents(run.started_us, _of_users(users, self._stored.events(run.run))) for run in runs)
        )


def _of_users(users: Container[int], events: Iterable[Event]) -> Iterator[Event]:
    return (event for event in events if int(event.user_id) in users)


def _counting(events: Iterable[Event], counted: Counter[int]) -> Iterator[Event]:
    for event in events:
        counted[int(event.user_id)] += 1
        yield event


def _together(events: Counter[int]) -> Iterator[set[int]]:
    """Yield the ids of the users of each part, in their order, with at most MAX_EVENTS events."""
    users: set[int] = set()
    size = 0
    for user in sorted(events):
        if users and size + events[user] > MAX_EVENTS:
            yield users
            users, size = set(), 0
        users.add(user)
        size += events[user]
    if users:
        yield users
