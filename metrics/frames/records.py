"""Records of windows as they were published, read back."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Annotated, NamedTuple

import msgspec

from metrics.frames.core.windows import SECOND_S
from metrics.times import LAST_SECOND, MINUTE_S, rfc3339


class Published(NamedTuple):
    """A record of a closed window.

    Attributes:
        number: frames of a second, users of a minute.
        frames: frames of either.
    """

    start: int
    number: int
    average: float
    gap_s: int
    frames: int


class Deleted(NamedTuple):
    """A record without a value: the one with its key before it is deleted."""

    start: int


class Unreadable(NamedTuple):
    """A record that is none of a window.

    Attributes:
        place: topic, partition and offset, as people write them.
    """

    place: str


OfWindow = Published | Deleted


Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class SecondFields(msgspec.Struct):
    """The record of a second. `timestamp` and `end` are seconds since the epoch, the second lies in `[timestamp, end)`.

    Attributes:
        avg_num_of_frames: mean of all seconds published so far.
        gap_s: seconds without frames before it that got no records.
    """

    timestamp: int
    datetime: str
    end: int
    num_of_frames: Count
    avg_num_of_frames: float
    gap_s: Count = 0


class MinuteFields(msgspec.Struct):
    """The record of a minute. `timestamp` and `end` are seconds since the epoch, the minute lies in `[timestamp, end)`.

    Attributes:
        avg_users_per_minute: mean of all minutes published so far.
        gap_s: seconds without frames before it that got no records.
    """

    timestamp: int
    datetime: str
    end: int
    unique_users: Count
    avg_users_per_minute: float
    num_of_frames: Count
    gap_s: Count = 0


_decode_second = msgspec.json.Decoder(SecondFields).decode
_decode_minute = msgspec.json.Decoder(MinuteFields).decode


def read_record(size_s: int, key: bytes | None, value: bytes | None, place: str) -> OfWindow | Unreadable:
    """Read one record of the windows of a size."""
    if value is None:
        start = _start_of(key)
        return Unreadable(place) if start is None else Deleted(start)
    try:
        record = _decode_second(value) if size_s == SECOND_S else _decode_minute(value)
    except msgspec.DecodeError:
        return Unreadable(place)
    start = record.timestamp
    if not 0 <= start <= LAST_SECOND or start % size_s or record.end != start + size_s:
        return Unreadable(place)
    if not (key or b"").decode(errors="replace") == record.datetime == rfc3339(start):
        return Unreadable(place)
    if isinstance(record, SecondFields):
        frames = record.num_of_frames
        return Published(start, frames, record.avg_num_of_frames, record.gap_s, frames)
    return Published(start, record.unique_users, record.avg_users_per_minute, record.gap_s, record.num_of_frames)


# What a window is called, by its size.
KINDS = {SECOND_S: "second", MINUTE_S: "minute"}
RECORDS: dict[int, type[SecondFields | MinuteFields]] = {SECOND_S: SecondFields, MINUTE_S: MinuteFields}
FIELDS = {size_s: record.__struct_fields__ for size_s, record in RECORDS.items()}

Value = int | float | str | None


def columns(sizes_s: Collection[int]) -> tuple[str, ...]:
    """Return the columns of a table of windows: the fields of their records, and the kind first where there are two."""
    kind = ("kind",) if len(sizes_s) > 1 else ()
    return tuple(dict.fromkeys((*kind, *chain.from_iterable(FIELDS[size_s] for size_s in sizes_s))))


def row(size_s: int, window: Published) -> dict[str, Value]:
    """Return what a window has of all columns: its kind, and its record's fields; `gap_s` is None without a gap."""
    span = (window.start, rfc3339(window.start), window.start + size_s)
    counts = (window.number, window.average, *((window.frames,) if size_s == MINUTE_S else ()))
    return {"kind": KINDS[size_s]} | dict(zip(FIELDS[size_s], (*span, *counts, window.gap_s or None), strict=True))


def _start_of(key: bytes | None) -> int | None:
    try:
        return int(datetime.strptime((key or b"").decode(), "%Y-%m-%dT%H:%M:%S%z").timestamp())
    except ValueError:
        return None


class Strays:
    """The records of a topic that are not in the order of their windows: sent again, sent late, or deletions.

    A job publishes in order, so there are none where nothing is wrong. They are few, or more than anybody reads.

    Attributes:
        by_start: those kept, by the window's start, in the order of the log.
        left_out: how many more there were than `most`.
        unreadable: records that are none of a window, at most `most`.
        unreadable_left_out: how many more of these there were.
    """

    def __init__(self, most: int = 100_000) -> None:
        self.by_start: dict[int, list[OfWindow]] = {}
        self.left_out = 0
        self.unreadable: list[Unreadable] = []
        self.unreadable_left_out = 0
        self._most = self._room = most

    def look_through(self, records: Iterable[OfWindow | Unreadable]) -> None:
        """Find the strays of one partition."""
        highest = -1
        for record in records:
            if isinstance(record, Unreadable):
                if len(self.unreadable) < self._most:
                    self.unreadable.append(record)
                else:
                    self.unreadable_left_out += 1
            elif _is_stray(record, highest):
                self._keep(record)
            else:
                highest = record.start

    def _keep(self, record: OfWindow) -> None:
        if self._room:
            self._room -= 1
            self.by_start.setdefault(record.start, []).append(record)
        else:
            self.left_out += 1


def in_order(records: Iterable[OfWindow | Unreadable]) -> Iterator[Published]:
    """Yield the records of one partition that are in the order of their windows: all but the strays."""
    highest = -1
    for record in records:
        if isinstance(record, Published) and not _is_stray(record, highest):
            highest = record.start
            yield record


def _is_stray(record: OfWindow, highest: int) -> bool:
    return isinstance(record, Deleted) or record.start <= highest
