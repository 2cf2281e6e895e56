"""The correct results, by a plain count with dicts and sets, and the comparison of a side's results with them."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import orjson

from benchmark.contract import LATENESS_S
from metrics.frames.sizes import MINUTE, SECOND
from metrics.time.moments import rfc3339
from metrics.wording.text import numbered


class Truth(msgspec.Struct, frozen=True):
    """Results of a plain count of all frames, without windows that have no frame.

    Attributes:
        frames: their number.
        size_bytes: their size in all.
        newest: their largest ts.
        seconds: number of frames by the start of the second.
        minutes: number of unique users by the start of the minute.
    """

    frames: int
    size_bytes: int
    newest: int
    seconds: dict[int, int]
    minutes: dict[int, int]


class Recount:
    """Plain count of frames, without any lateness: the frames are generated so that none is too late.

    Of a minute that ended more than a minute ago, only the number is kept, so that memory stays bounded.
    """

    def __init__(self) -> None:
        self._frames = self._size_bytes = self._newest = 0
        self._seconds: dict[int, int] = defaultdict(int)
        self._users: dict[int, set[str]] = defaultdict(set)
        self._minutes: dict[int, int] = {}

    def add(self, frame: bytes) -> None:
        """Count one frame."""
        fields = orjson.loads(frame)
        ts = fields["ts"]
        minute = MINUTE.start_of(ts)
        assert minute not in self._minutes, "a frame is more than a minute late"
        self._frames += 1
        self._size_bytes += len(frame)
        self._seconds[ts] += 1
        if minute not in self._users:
            self._newest = max(self._newest, minute)
            for ended in [each for each in self._users if each < self._newest - MINUTE.size_s]:
                self._minutes[ended] = len(self._users.pop(ended))
        self._users[minute].add(fields["uid"])

    def truth(self) -> Truth:
        """Return the results so far."""
        minutes = self._minutes | {minute: len(users) for minute, users in self._users.items()}
        return Truth(self._frames, self._size_bytes, max(self._seconds, default=0), dict(self._seconds), minutes)


class Published(NamedTuple):
    """Record of a window: its start, and the frames of a second or the users of a minute."""

    start: int
    number: int


def compare(truth: Truth, seconds: Iterable[Published], minutes: Iterable[Published]) -> tuple[int, list[str]]:
    """Compare the records that a side published with the truth.

    Windows that end less than LATENESS_S before the newest frame cannot be closed by the frames alone: on every side
    they may be missing, but those published must be right. A window without frames may have a zero row or none.

    Returns:
        How many windows with frames were compared, and the differences in words.
    """
    problems: list[str] = []
    windows = 0
    for size, expected, published in ((SECOND, truth.seconds, seconds), (MINUTE, truth.minutes, minutes)):
        numbers: dict[int, list[int]] = defaultdict(list)
        for record in published:
            numbers[record.start].append(record.number)
        due = {start for start in expected if start + size.size_s + LATENESS_S <= truth.newest}
        wrong = {start for start, found in numbers.items() if set(found) != {expected.get(start, 0)}}
        for starts, what, shown in (
            (due - numbers.keys(), "missing", "{expected:,} expected"),
            ({start for start, found in numbers.items() if len(found) > 1}, "published more than once", "{found}"),
            (wrong, "wrong", "{found[0]:,} instead of {expected:,}"),
        ):
            if starts:
                first = min(starts)
                example = shown.format(expected=expected.get(first, 0), found=numbers.get(first))
                problems.append(f"{numbered(len(starts), size.name)} {what}, the first {rfc3339(first)}: {example}")
        windows += len(due | (numbers.keys() & expected.keys()))
    return windows, problems
