"""The ids of counted events, as the database has them, and which of them the topic has."""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_HALVES = struct.Struct(">QQ")


class SeenId(NamedTuple):
    """A digest of an EventId, and the partition of the event that counts."""

    digest: bytes
    partition: int


class SeenIds:
    """The rows of `seen`, in 18 bytes each; an id that is looked up is marked as found.

    Of several events with one id, the row says from which partition one was counted: the first one in it. That is all
    that is taken from the database. An id that is not in it counts, too, from the first event that is looked up.

    Attributes:
        missing: ids of events that are not in the database, by the partition of the first one.
    """

    def __init__(self) -> None:
        self.missing: dict[bytes, int] = {}
        self._high = array("Q")
        self._low = array("Q")
        self._partitions = array("h")  # of an id that was found: -1 - partition

    def __len__(self) -> int:
        return len(self._high)

    def add(self, rows: Iterable[tuple[bytes, int]]) -> None:
        """Add rows in the order of digests: the digest, and the partition."""
        for digest, partition in rows:
            high, low = _HALVES.unpack(digest)
            self._high.append(high)
            self._low.append(low)
            self._partitions.append(partition)

    def is_first(self, digest: bytes, partition: int) -> bool:
        """Return whether the event with this digest in this partition is the one that counts."""
        high, low = _HALVES.unpack(digest)
        at = bisect_left(self._high, high)
        while at < len(self._high) and self._high[at] == high:
            if self._low[at] == low:
                is_first = self._partitions[at] == partition
                if is_first:
                    self._partitions[at] = -1 - partition
                return is_first
            at += 1
        return self._is_first_missing(digest, partition)

    def not_found(self) -> Iterator[SeenId]:
        """Yield the rows of which no event was looked up in their partition."""
        for at, partition in enumerate(self._partitions):
            if partition >= 0:
                yield SeenId(_HALVES.pack(self._high[at], self._low[at]), partition)

    def _is_first_missing(self, digest: bytes, partition: int) -> bool:
        if digest in self.missing:
            return False
        self.missing[digest] = partition
        return True
