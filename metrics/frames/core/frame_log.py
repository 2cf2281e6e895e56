"""The log of one partition's open frames, and the pointers to where each second and minute begins."""

from collections import deque
from heapq import heappop, heappush
from typing import NamedTuple

from metrics.frames.sizes import SECOND, Size, larger, largest


class Pointer(NamedTuple):
    """An offset in Kafka to read from, and the event clock before its frame was counted."""

    offset: int
    newest: int
    recorded_s: int = -1


class FrameLog:
    """Users of the frames whose second is still open, in order of arrival.

        uids              a  b  a  c  b  d  a       one entry for each frame that advanced event time or kept it
        second_pointers   ^10      ^11   ^13        where each second begins, counted from the log's first entry
        stragglers        {11: [e]}                 frames of other seconds than the newest: older, or ahead of it
        window_pointers   {60: {0: (7041, 9, 9)}}   minute pointers, and those of larger windows: the offset of the
                                                    first frame of each open one

    A second's count is the distance between two pointers, plus its stragglers. The lowest pointer to a window of the
    largest size is the partition's restart offset, unless a frame before it is held: a restart that reads from there
    finds every frame that an open window needs. It judges them as before, since a pointer also stores the event time
    before its frame.
    """

    __slots__ = (
        "_dropped",
        "_largest_s",
        "_straggler_seconds",
        "second_pointers",
        "stragglers",
        "taken",
        "uids",
        "window_pointers",
    )

    def __init__(self) -> None:
        self.uids: list[str] = []
        self.second_pointers: deque[tuple[int, int]] = deque()
        self.stragglers: dict[int, list[str]] = {}
        self._straggler_seconds: list[int] = []  # the keys of stragglers, as a heap
        self.window_pointers: dict[int, dict[int, Pointer]] = {size.size_s: {} for size in larger()}
        self._largest_s = largest().size_s
        self.taken = 0
        self._dropped = 0  # entries removed from uids; pointers count from the very first entry

    def __len__(self) -> int:
        """Return the number of frames whose second is still open."""
        pointed = self._dropped + len(self.uids) - self._first_open()
        return pointed + sum(map(len, self.stragglers.values()))

    def start_second(self, second: int, uid: str, pointer: Pointer) -> None:
        """Log the first frame of a second that is newer than all before it."""
        self.second_pointers.append((second, self._dropped + len(self.uids)))
        self.uids.append(uid)
        self.point_to(second, pointer)

    def add_straggler(self, second: int, uid: str, pointer: Pointer) -> None:
        """Log a frame of an open second that is not the newest."""
        if second not in self.stragglers:
            self.stragglers[second] = []
            heappush(self._straggler_seconds, second)
        self.stragglers[second].append(uid)
        self.point_to(second, pointer)

    def point_to(self, second: int, pointer: Pointer, least_s: int = 0) -> None:
        """Set the pointer to the window of each size from `least_s` on that contains a second, if it has none yet."""
        for size_s, pointers in self.window_pointers.items():
            if size_s >= least_s:
                pointers.setdefault(second - second % size_s, pointer)

    def newest_second(self) -> int | None:
        """Return the newest second that a frame started; None if none is open."""
        return self.second_pointers[-1][0] if self.second_pointers else None

    def first_second(self) -> int | None:
        """Return the earliest second that has frames; None without any."""
        pointed = self.second_pointers[0][0] if self.second_pointers else None
        straggled = self._straggler_seconds[0] if self._straggler_seconds else None
        return min((second for second in (pointed, straggled) if second is not None), default=None)

    def oldest(self) -> dict[int, int]:
        """Return the start of the earliest open window that has frames, by the size in seconds, if there is one."""
        second = self.first_second()
        firsts = {size_s: min(pointers) for size_s, pointers in self.window_pointers.items() if pointers}
        return firsts if second is None else {SECOND.size_s: second} | firsts

    def take(self, second: int) -> list[str]:
        """Remove a second and return the users of its frames. Seconds are taken in ascending order."""
        uids: list[str] = []
        if self.second_pointers and self.second_pointers[0][0] == second:
            _, start = self.second_pointers.popleft()
            uids = self.uids[start - self._dropped : self._first_open() - self._dropped]
            self._drop_taken()
        if self._straggler_seconds and self._straggler_seconds[0] == second:
            heappop(self._straggler_seconds)
            uids += self.stragglers.pop(second)
        self.taken += len(uids)
        return uids

    def forget(self, size: Size, watermark: int) -> None:
        """Drop the pointers to windows of a size that end at or before a watermark."""
        pointers, first_open = self.window_pointers[size.size_s], size.start_of(watermark)
        for start in [start for start in pointers if start < first_open]:
            del pointers[start]

    def restart_at(self, position: Pointer) -> Pointer:
        """Return the earliest frame that an open window needs; without one, the next position."""
        return min(self.window_pointers[self._largest_s].values(), default=position)

    def _first_open(self) -> int:
        return self.second_pointers[0][1] if self.second_pointers else self._dropped + len(self.uids)

    def _drop_taken(self) -> None:
        """Free the taken entries once they are half of all, so that an entry is moved at most once on average."""
        free = self._first_open() - self._dropped
        if 2 * free >= len(self.uids):
            del self.uids[:free]
            self._dropped += free
