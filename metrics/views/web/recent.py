"""Contents of all open pages, read once for all of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from metrics.time.moments import ALL_TIME, Range
from metrics.time.sliding_window import SlidingWindow
from metrics.views.answers.items import MediaTotals, Order, read_item, read_top
from metrics.views.answers.similar import SimilarItem
from metrics.views.answers.snapshot import snapshot
from metrics.views.answers.trend import Trend, read_trend, until_now
from metrics.views.answers.viewers import Viewer, read_top_viewers
from metrics.views.schema import Connection
from metrics.views.web.choice import Choice
from metrics.views.web.kept import Kept, KeptByKey
from metrics.views.web.kept_similar import KeptSimilar
from metrics.views.web.status import Status, StatusReader
from metrics.web.database import Database

READ_EVERY_S = 0.5
COUNTING_EVERY_S = 0.5
RATE_S = 5.0
SHARE_S = 300.0
PACE_S = 3.0
TOP, VIEWERS, SIMILAR = 10, 10, 10
MAX_KEPT = 200  # of what pages have selected; each is a few hundred rows


class Overview(NamedTuple):
    """The first items of each order.

    Attributes:
        version: differs once an event was counted, so that what is selected may differ, too.
    """

    version: object
    top: Mapping[Order, Sequence[MediaTotals]]


class Lately(NamedTuple):
    """Rejected lines and all lines that this server took in the last seconds."""

    rejected: int
    lines: int
    seconds: int


class Counting(NamedTuple):
    """The status, and two rates.

    Attributes:
        lines_per_s: that this server takes; None if it takes none, or that is not known yet.
        records_per_s: that the job reads while some wait for it; None unless some have waited for PACE_S seconds.
        lately: what was taken in the last SHARE_S, or since somebody looked; None if this server takes nothing.
    """

    status: Status
    lines_per_s: float | None
    records_per_s: float | None = None
    lately: Lately | None = None


class Selected(NamedTuple):
    """The answers about what a choice selects.

    Attributes:
        totals: of the item; None if all items are selected, or no event about it was counted.
        trend: None if no event about the item was counted.
    """

    totals: MediaTotals | None
    trend: Trend | None
    viewers: Sequence[Viewer]


class Recent:
    """The contents of open pages.

    However many there are, the database is asked every READ_EVERY_S seconds at most whether an event was counted, and
    only then for the first items, and for each choice.

    Args:
        database: of views; its connections have the search path.
        clock: monotonic.
        now: wall time, in seconds since the epoch.
    """

    def __init__(
        self,
        database: Database,
        status: StatusReader,
        similar: KeptSimilar,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._status = status
        self._similar = similar
        self._clock = clock
        self._now = now
        self._taken: SlidingWindow[int] | None = None
        self._read: SlidingWindow[int] | None = None  # while records wait
        self._share: SlidingWindow[tuple[int, int]] | None = None
        self._counting_at_s = float("-inf")
        self._newest = Overview(None, {})
        self._overview = Kept(self._read_overview, READ_EVERY_S, clock)
        self._counting = Kept(self._read_counting, COUNTING_EVERY_S, clock)
        self._selected = KeptByKey(self._read_selected, READ_EVERY_S, MAX_KEPT, clock)

    async def overview(self) -> Overview:
        """Return the first items of each order; another object only if an event was counted since.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        return await self._overview.get()

    async def counting(self) -> Counting:
        """Return how taking and counting go. Takes some seconds while the broker is away.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        return await self._counting.get()

    async def selected(self, choice: Choice, version: object) -> Selected:
        """Return what a choice selects; another object only if it was read again.

        Args:
            version: of the overview.

        Raises:
            MetricsError, HTTPException: as `Database.run`; or the time zone has no trend then.
        """
        wanted = choice._replace(order=Choice().order)  # it selects nothing
        known = None if version is None else (version, _range(choice, self._now()))
        return await self._selected.get(wanted, known)

    async def similar(self, media_id: int, version: object) -> Sequence[SimilarItem] | None:
        """Return the items that are similar to an item; None if no event about it was counted.

        Args:
            version: of the overview.

        Raises:
            MetricsError, HTTPException: as `Database.run`.
        """
        return await self._similar.of(media_id, SIMILAR, version)

    async def _read_overview(self) -> Overview:
        self._newest = await self._database.run(partial(_read_overview, newest=self._newest))
        return self._newest

    async def _read_selected(self, choice: Choice) -> Selected:
        return await self._database.run(partial(_read_selected, choice=choice, within=_range(choice, self._now())))

    async def _read_counting(self) -> Counting:
        status = await self._status.read()
        now_s = self._clock()
        if now_s - self._counting_at_s > RATE_S:
            self._taken = self._read = self._share = None
        self._counting_at_s = now_s
        lines_per_s = records_per_s = lately = None
        if status.taking is not None:
            lately = self._lately(now_s, status.taking.lines, status.taking.rejected)
            self._taken = self._taken or _window(now_s, status.taking.lines)
            lines_per_s = _rate(self._taken, now_s, status.taking.lines, 0)
        if status.lag:
            self._read = self._read or _window(now_s, status.read)
            records_per_s = _rate(self._read, now_s, status.read, PACE_S)
        else:
            self._read = None
        return Counting(status, lines_per_s, records_per_s, lately)

    def _lately(self, now_s: float, lines: int, rejected: int) -> Lately:
        sums = lines, rejected
        self._share = self._share or SlidingWindow(SHARE_S, COUNTING_EVERY_S, now_s, sums)
        self._share.add(now_s, sums)
        began_s, before = self._share.beginning()
        return Lately(rejected - before[1], lines - before[0], round(now_s - began_s))


def _window(now_s: float, number: int) -> SlidingWindow[int]:
    return SlidingWindow(RATE_S, COUNTING_EVERY_S / 2, now_s, number)


def _rate(window: SlidingWindow[int], now_s: float, number: int, least_s: float) -> float | None:
    """Return the rate of a number in a window that moves on to now; None unless it is longer than least_s."""
    window.add(now_s, number)
    began_s, before = window.beginning()
    return (number - before) / (now_s - began_s) if now_s - began_s > least_s else None


def _read_overview(connection: Connection, newest: Overview) -> Overview:
    with snapshot(connection):
        [version] = connection.execute("SELECT coalesce(sum(read), 0) FROM counts").fetchone() or (0,)
        if version == newest.version:
            return newest
        return Overview(version, {order: read_top(connection, order, TOP) for order in get_args(Order)})


def _range(choice: Choice, now_s: float) -> Range:
    """Return the range of a trend, which changes when the present row has ended."""
    if choice.to is not None:
        return Range(ALL_TIME.start, choice.to)
    return until_now(ALL_TIME, choice.per, ZoneInfo(choice.zone), now_s)


def _read_selected(connection: Connection, choice: Choice, within: Range) -> Selected:
    media = choice.media
    with snapshot(connection):
        trend = read_trend(connection, media, choice.per, ZoneInfo(choice.zone), within, choice.rows)
        if media is None or trend is None:
            return Selected(None, trend, ())
        return Selected(read_item(connection, media), trend, read_top_viewers(connection, media, VIEWERS))
