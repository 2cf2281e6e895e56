"""Positions a group can be moved to, and the resulting position of each partition."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from metrics.kafka.offsets import OffsetRange
from metrics.time.moments import rfc3339
from metrics.wording.errors import SettingsError


class Edge(StrEnum):
    """Beginning or end of every partition."""

    EARLIEST = "earliest"
    LATEST = "latest"


class Offset(NamedTuple):
    """One offset in every partition."""

    offset: int

    def __str__(self) -> str:
        return f"offset:{self.offset}"


class Since(NamedTuple):
    """Second of event time: all windows that end after it are open again."""

    second: int

    def __str__(self) -> str:
        return rfc3339(self.second)


Target = Edge | Offset | Since


def goals(
    target: Target, topic: str, ranges: Mapping[int, OffsetRange], positions: Mapping[int, int], closed_through: int
) -> dict[int, int]:
    """Return each partition's new position; for an event time, the present ones, since only a replay finds the new.

    Args:
        ranges: the offset range of each partition.
        positions: the group's present positions.
        closed_through: the second through which it has closed windows; 0 if none is closed.

    Raises:
        SettingsError: there is no such position.
    """
    if isinstance(target, Since):
        _require_published(target, closed_through)
        return dict(positions)
    if isinstance(target, Offset):
        _require_range(target, topic, ranges)
        return dict.fromkeys(ranges, target.offset)
    return {number: at.low if target is Edge.EARLIEST else at.high for number, at in ranges.items()}


def _require_published(target: Since, through: int) -> None:
    if target.second >= through:
        raise SettingsError(
            f"--to {target}: no window that ends after it has been published yet",
            why=f"the group has closed windows through {rfc3339(through)}" if through else "no window is published",
            hint="give an earlier time; to skip frames, --to latest or --to offset:N",
        )


def _require_range(target: Offset, topic: str, ranges: Mapping[int, OffsetRange]) -> None:
    outside = [
        f"{topic}/{number} has offsets {low:,} to {high:,}"
        for number, (low, high) in ranges.items()
        if not low <= target.offset <= high
    ]
    if outside:
        raise SettingsError(
            f"--to {target}: not every partition has this offset",
            why="\n".join(outside),
            hint="give an offset that all of them have, or a time: --to 2016-07-11T13:40:00Z",
        )
