"""What was passed over where frames and copies do not agree: some may still find each other, out of order."""

from collections import Counter, deque
from collections.abc import Collection, Iterator
from typing import NamedTuple

from metrics.frames.verify.republished.entry import Content, Entry


class Gap(NamedTuple):
    """What lies between two places where frames and copies agree: frames without a copy, copies without a frame."""

    frames: list[Entry]
    copies: list[Entry]


class SetAside:
    """The gaps that are not settled; those beyond `most` entries have to be."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._gaps: deque[Gap] = deque()
        self._frames: Counter[Content] = Counter()
        self._copies: Counter[Content] = Counter()

    def add(self, frames: list[Entry], copies: list[Entry]) -> None:
        """Set entries aside."""
        self._gaps.append(Gap(frames, copies))
        self._frames.update(frame.content for frame in frames)
        self._copies.update(copy.content for copy in copies)

    def take_frame(self, content: Content, partitions: Collection[int]) -> Entry | None:
        """Take back a frame of one of some partitions, if there is one of this content."""
        if not self._frames[content]:
            return None
        return _take(self._frames, (gap.frames for gap in self._gaps), content, partitions)

    def take_copy(self, content: Content, partitions: Collection[int]) -> Entry | None:
        """Take back a copy in one of some partitions, if there is one of this content."""
        if not self._copies[content]:
            return None
        return _take(self._copies, (gap.copies for gap in self._gaps), content, partitions)

    def overflowing(self) -> Iterator[Gap]:
        """Take out the oldest gaps, until there is room again."""
        while max(len(self._gaps), self._frames.total() + self._copies.total()) > self._most:
            yield self._take_gap()

    def rest(self) -> Iterator[Gap]:
        """Take out all gaps."""
        while self._gaps:
            yield self._take_gap()

    def _take_gap(self) -> Gap:
        gap = self._gaps.popleft()
        self._frames -= Counter(frame.content for frame in gap.frames)
        self._copies -= Counter(copy.content for copy in gap.copies)
        return gap


def _take(
    counts: Counter[Content], lists: Iterator[list[Entry]], content: Content, partitions: Collection[int]
) -> Entry | None:
    for entries in lists:
        for entry in entries:
            if entry.content == content and entry.partition in partitions:
                entries.remove(entry)
                counts[content] -= 1
                return entry
    return None
