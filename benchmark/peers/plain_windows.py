"""Tumbling windows by a dict and sets, for peers whose library has none; needs only the standard library."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from benchmark.contract import LATENESS_S

SECOND_S, MINUTE_S = 1, 60


class Closed(NamedTuple):
    """Closed window.

    Attributes:
        size_s: SECOND_S or MINUTE_S.
        start: in seconds since the epoch.
        number: frames of a second, users of a minute.
    """

    size_s: int
    start: int
    number: int

    def record(self) -> dict[str, int]:
        """Return it as a record to publish."""
        return {"timestamp": self.start, "num_of_frames" if self.size_s == SECOND_S else "unique_users": self.number}


class Windows:
    """Counts of frames per second and users per minute, with LATENESS_S of allowed lateness.

    Attributes:
        newest: largest ts so far, in seconds since the epoch.
    """

    def __init__(self) -> None:
        self.newest = 0
        self._open_from = 0
        self._frames: dict[int, int] = defaultdict(int)
        self._users: dict[int, set[str]] = defaultdict(set)

    def add(self, ts: int, uid: str) -> None:
        """Count a frame, unless its second is closed."""
        if ts >= self._open_from:
            self._frames[ts] += 1
            self._users[ts - ts % MINUTE_S].add(uid)

    def advance(self, ts: int) -> Iterator[Closed]:
        """Advance to the ts of a newer frame, and yield the windows that it closes."""
        self.newest = ts
        self._open_from = ts - LATENESS_S
        for second in sorted(second for second in self._frames if second + SECOND_S <= self._open_from):
            yield Closed(SECOND_S, second, self._frames.pop(second))
        for minute in sorted(minute for minute in self._users if minute + MINUTE_S <= self._open_from):
            yield Closed(MINUTE_S, minute, len(self._users.pop(minute)))
