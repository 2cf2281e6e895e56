"""Frames of the input and their copies in the republished stream, as far as the two are compared."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

DRIFT_MS = 3_600_000  # so much may the clocks of those who republished and who verify differ


class Content(NamedTuple):
    """Key, value and headers, each as 64 bits: so that a thousand records are small, however large each is.

    Python seeds these hashes anew in each process, so no record can be made to look like another one.
    """

    key: int
    value: int
    headers: int

    def difference(self, other: "Content") -> str:
        """Name the parts that are not the same."""
        parts = zip(("key", "bytes", "headers"), self, other, strict=True)
        return ", ".join(name for name, mine, others in parts if mine != others)


def content_of(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, str | bytes | None]] | None
) -> Content:
    """Return what is compared of a record; no headers are the same as an empty list of them."""
    return Content(hash(key), hash(value), hash(tuple(headers or ())))


class Entry(NamedTuple):
    """A frame, or a copy of one.

    Attributes:
        timestamp_ms: of a frame, -1 if it has none; of a copy, None if its topic stamps records itself.
    """

    partition: int
    offset: int
    content: Content
    timestamp_ms: int | None


class Stamp(Enum):
    """What the timestamp of a copy is."""

    OWN = "the frame's"
    MOVED = "one that limits of its topic explain"
    WRONG = "another"


class TimestampLimits(NamedTuple):
    """How far from the clock of the broker a topic takes timestamps; others are moved when a frame is republished.

    See `metrics.kafka.job.transaction`: they are moved to half of the limit, as seen from when they were republished.
    When that was is not known, only that it was not after `now_ms`.
    """

    behind_ms: int
    ahead_ms: int
    now_ms: int

    def stamp(self, frame_ms: int | None, copy_ms: int | None) -> Stamp:
        """Tell what the timestamp of a copy is."""
        if copy_ms is None or frame_ms is None or frame_ms < 0 or copy_ms == max(1, frame_ms):
            return Stamp.OWN
        republished_ms = copy_ms - self.ahead_ms // 2 if copy_ms < frame_ms else copy_ms + self.behind_ms // 2
        return Stamp.MOVED if 0 <= republished_ms <= self.now_ms + DRIFT_MS else Stamp.WRONG
