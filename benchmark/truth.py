"""The correct results, by a plain count with dicts and sets, and the comparison of a side's results with them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import orjson

from benchmark.contract import LATENESS_S
from metrics.text import numbered
from metrics.times import rfc3339

SECOND_S, MINUTE_S = 1, 60


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
        minute = ts - ts % MINUTE_S
        assert minute not in self._minutes, "a frame is more than a minute late"
        self._frames += 1
        self._size_bytes += len(frame)
        self._seconds[ts] += 1
        if minute not in self._users:
            self._newest = max(self._newest, minute)
            self._settle()
        self._users[minute].add(fields["uid"])

    def truth(self) -> Truth:
        """Return the results so far."""
        minutes = self._minutes | {minute: len(users) for minute, users in self._users.items()}
        return Truth(self._frames, self._size_bytes, max(self._seconds, default=0), dict(self._seconds), minutes)

    def _settle(self) -> None:
        for minute in [minute for minute in self._users if minute < self._newest - MINUTE_S]:
            self._minutes[minute] = len(self._users.pop(minute))


class Published(NamedTuple):
    """Record of a window: its start, and the frames of a second or the users of a minute."""

    start: int
    number: int


class Compared(NamedTuple):
    """Outcome of a comparison.

    Attributes:
        windows: how many windows with frames were compared.
        problems: the differences, in words.
    """

    windows: int
    problems: Sequence[str]


def compare(truth: Truth, seconds: Iterable[Published], minutes: Iterable[Published]) -> Compared:
    """Compare the records that a side published with the truth.

    Windows that end less than LATENESS_S before the newest frame cannot be closed by the frames alone: on every side
    they may be missing, but if they are there, they must be right. A window without frames may have a zero row or none.
    """
    found = (
        _compare("second", SECOND_S, truth.seconds, truth.newest, seconds),
        _compare("minute", MINUTE_S, truth.minutes, truth.newest, minutes),
    )
    return Compared(sum(each.windows for each in found), [problem for each in found for problem in each.problems])


def _compare(
    name: str, size_s: int, expected: Mapping[int, int], newest: int, published: Iterable[Published]
) -> Compared:
    numbers: dict[int, list[int]] = defaultdict(list)
    for record in published:
        numbers[record.start].append(record.number)
    due = {start for start in expected if start + size_s + LATENESS_S <= newest}
    doubled = sorted(start for start, found in numbers.items() if len(found) > 1)
    wrong = sorted(start for start, found in numbers.items() if set(found) != {expected.get(start, 0)})
    missing = sorted(due - numbers.keys())
    problems = []
    if missing:
        problems.append(_problem(missing, name, "missing", f"{expected[missing[0]]:,} expected"))
    if doubled:
        problems.append(_problem(doubled, name, "published more than once", f"{numbers[doubled[0]]}"))
    if wrong:
        first = wrong[0]
        problems.append(_problem(wrong, name, "wrong", f"{numbers[first][0]:,} instead of {expected.get(first, 0):,}"))
    return Compared(len(due | (numbers.keys() & expected.keys())), problems)


def _problem(starts: Sequence[int], name: str, what: str, example: str) -> str:
    return f"{numbered(len(starts), name)} {what}, the first {rfc3339(starts[0])}: {example}"
