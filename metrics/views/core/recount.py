"""The plain recount: what the tables of views must contain, counted with dicts and sets."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from metrics.views.core.digest import event_digest
from metrics.views.core.event import COLUMNS, Event, InvalidEventError, read_event
from metrics.views.core.trend import MINUTE_S, QUARTER_S

_WAYPOINTS = COLUMNS["waypoint"]

Sums = list[int]
"""Numbers of waypoints, starts, stops and ends."""


@dataclass
class PartitionCounts:
    """Outcomes of the records of a partition: read = counted + duplicates + invalid."""

    read: int = 0
    counted: int = 0
    duplicates: int = 0
    invalid: int = 0


class MediaSums(NamedTuple):
    """The row of an item; `sum_sq` adds up the squares of its viewers' waypoints."""

    waypoints: int
    starts: int
    stops: int
    ends: int
    viewers: int
    sum_sq: int


class Recount:
    """Recount of some records.

    Args:
        since: the second before which no minutes are kept.
        is_first: whether the event with this digest in this partition is the one that counts; asked about each valid
            event. By default, the first of all that are taken.

    Attributes:
        invalid: the sentences about each invalid record, by partition and offset.
        viewers: users with a counted event.
        user_media: waypoints by item and user.
        media_quarter, media_minute: sums by item and by the start of the quarter hour or minute.
        seen: the partition of each counted event, by digest; empty if `is_first` is given.
    """

    def __init__(self, since: int = 0, is_first: Callable[[bytes, int], bool] | None = None) -> None:
        self.counts: defaultdict[int, PartitionCounts] = defaultdict(PartitionCounts)
        self.invalid: dict[tuple[int, int], tuple[str, ...]] = {}
        self.viewers: set[int] = set()
        self.user_media: Counter[tuple[int, int]] = Counter()
        self.media_quarter: defaultdict[tuple[int, int], Sums] = defaultdict(_zeros)
        self.media_minute: defaultdict[tuple[int, int], Sums] = defaultdict(_zeros)
        self.seen: dict[bytes, int] = {}
        self._since = since
        self._is_first = is_first or self._is_new

    def take(self, partition: int, offset: int, value: bytes | None) -> None:
        """Count a record. The records of a partition come in the order of their offsets.

        Args:
            value: None in a record without one.
        """
        counts = self.counts[partition]
        counts.read += 1
        try:
            event = read_event(value or b"")
        except InvalidEventError as error:
            counts.invalid += 1
            self.invalid[partition, offset] = tuple(reason.text for reason in error.reasons)
            return
        if not self._is_first(event_digest(event.event_id), partition):
            counts.duplicates += 1
            return
        counts.counted += 1
        self._count(event)

    def _count(self, event: Event) -> None:
        media, time, column = event.media_id, event.timestamp, COLUMNS[event.event_type]
        self.viewers.add(event.user_id)
        self.media_quarter[media, time - time % QUARTER_S][column] += 1
        if time >= self._since:
            self.media_minute[media, time - time % MINUTE_S][column] += 1
        if column == _WAYPOINTS:
            self.user_media[media, event.user_id] += 1

    def media(self) -> dict[int, MediaSums]:
        """Return the row of each item."""
        sums: defaultdict[int, Sums] = defaultdict(_zeros)
        for (media, _), added in self.media_quarter.items():
            _add(sums[media], added)
        viewers: Counter[int] = Counter()
        sum_sq: Counter[int] = Counter()
        for (media, _), waypoints in self.user_media.items():
            viewers[media] += 1
            sum_sq[media] += waypoints**2
        return {media: MediaSums._make([*row, viewers[media], sum_sq[media]]) for media, row in sums.items()}

    def quarter(self) -> dict[int, Sums]:
        """Return the sums of all items by quarter hour."""
        return _by_time(self.media_quarter)

    def minute(self) -> dict[int, Sums]:
        """Return the sums of all items by minute."""
        return _by_time(self.media_minute)

    def _is_new(self, digest: bytes, partition: int) -> bool:
        if digest in self.seen:
            return False
        self.seen[digest] = partition
        return True


def _by_time(rows: dict[tuple[int, int], Sums]) -> dict[int, Sums]:
    sums: defaultdict[int, Sums] = defaultdict(_zeros)
    for (_, start), added in rows.items():
        _add(sums[start], added)
    return dict(sums)


def _add(sums: Sums, added: Sums) -> None:
    for column, number in enumerate(added):
        sums[column] += number


def _zeros() -> Sums:
    return [0, 0, 0, 0]
