"""Where a group can be set to read from, and what that means for each partition."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from metrics.errors import SettingsError
from metrics.kafka.offsets import Extent
from metrics.times import rfc3339


class Edge(StrEnum):
    """An edge of what the topic holds."""

    EARLIEST = "earliest"
    LATEST = "latest"


class Offset(NamedTuple):
    """The same offset of each partition."""

    offset: int

    def __str__(self) -> str:
        return f"offset:{self.offset}"


class Since(NamedTuple):
    """Where the windows are open that end after a second of event time."""

    second: int

    def __str__(self) -> str:
        return rfc3339(self.second)


Target = Edge | Offset | Since


def goals(
    target: Target, topic: str, held: Mapping[int, Extent], positions: Mapping[int, int], closed_through: int
) -> dict[int, int]:
    """Return the position that each partition is to get, as far as that is known before the frames are read.

    Args:
        held: what the topic holds of each partition.
        positions: where the group stands.
        closed_through: the second through which it has published; 0 where it has not.

    Raises:
        SettingsError: it has none such.
    """
    if isinstance(target, Since):
        _require_published(target, closed_through)
        return dict(positions)
    if isinstance(target, Offset):
        _require_range(target, topic, held)
        return dict.fromkeys(held, target.offset)
    return {number: at.low if target is Edge.EARLIEST else at.high for number, at in held.items()}


def _require_published(target: Since, through: int) -> None:
    if target.second >= through:
        raise SettingsError(
            f"--to {target}: no window that ends after it is published yet, so none can be published again",
            why=f"the group has closed windows through {rfc3339(through)}" if through else "none is published",
            now="give an earlier time; to skip frames, --to latest or --to offset:N",
        )


def _require_range(target: Offset, topic: str, held: Mapping[int, Extent]) -> None:
    outside = [
        f"{topic}/{number} holds offsets {low:,} to {high:,}"
        for number, (low, high) in held.items()
        if not low <= target.offset <= high
    ]
    if outside:
        raise SettingsError(
            f"--to {target}: not every partition has this offset",
            why="\n".join(outside),
            now="give an offset that all of them have, or a time: --to 2016-07-11T13:40:00Z",
        )
