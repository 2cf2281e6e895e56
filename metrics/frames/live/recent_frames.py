"""What became of frames in the last minutes, from the group's counters as they were seen."""

from collections import Counter, deque
from typing import NamedTuple

from metrics.frames.status.facts import Status

LENGTH_S = 300


class Lately(NamedTuple):
    """Frames by outcome since a time, at most LENGTH_S ago.

    Attributes:
        since_s: wall time, in seconds since the epoch.
        frames: those that were judged.
        rejected: those of them that do not count, by reason.
    """

    since_s: int
    frames: int
    rejected: Counter[str]

    @property
    def share(self) -> float | None:
        """The share of rejected frames; None if there were no frames."""
        return self.rejected.total() / self.frames if self.frames else None


class RecentFrames:
    """The group's counters in the last minutes; a reset of the group begins them again."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int, Counter[str]]] = deque()

    def add(self, status: Status) -> None:
        """Add a status, newer than those before."""
        now, frames = status.asked_at.timestamp, status.frames
        judged = frames.consumed - frames.held
        rejected = Counter(frames.error.parts)
        rejected["late"] = frames.late - frames.late_in_minute
        if self._seen and judged < self._seen[-1][1]:
            self._seen.clear()
        while len(self._seen) > 1 and self._seen[1][0] <= now - LENGTH_S:
            self._seen.popleft()
        self._seen.append((now, judged, +rejected))

    def lately(self) -> Lately | None:
        """Return the frames between the oldest and the newest status of the last minutes; None before the first."""
        if not self._seen:
            return None
        (since_s, before, rejected_before), (_, judged, rejected) = self._seen[0], self._seen[-1]
        return Lately(since_s, judged - before, rejected - rejected_before)
