"""Records of windows: their fields, how they are written and how they are read back.

docs/semantics.md shows one of each size. A window after a gap without rows has `gap_s` as its last field. The key is
the window's start in RFC 3339.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import chain
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson

from metrics.frames.sizes import Counts, Size
from metrics.time.moments import LAST_SECOND, rfc3339

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Value = int | float | str | None


class Record(NamedTuple):
    """The record of a closed window: `[start, start + size.size_s)`, in seconds since the epoch.

    Attributes:
        number: the count of the size's unit: frames of a second, users of a minute.
        frames: number of frames, whatever the unit.
        average: mean of the numbers of all windows of the size published so far, to three decimals.
        gap_s: length of the preceding gap without rows, in seconds; 0 for none.
    """

    size: Size
    start: int
    number: int
    frames: int
    average: float
    gap_s: int = 0

    @property
    def end(self) -> int:
        """The first second after the window."""
        return self.start + self.size.size_s

    @property
    def key(self) -> str:
        """The window's start in RFC 3339."""
        return rfc3339(self.start)

    def values(self) -> tuple[int | float | str, ...]:
        """Return the values of its fields in order, `gap_s` last."""
        size, start, number, frames, average, gap_s = self
        first = (start, rfc3339(start), start + size.size_s, number, average)
        return (*first, gap_s) if size.counts is Counts.FRAMES else (*first, frames, gap_s)

    def value(self) -> bytes:
        """Return the record as JSON; `gap_s` is left out if 0."""
        fields = dict(zip(field_names(self.size), self.values(), strict=True))
        if not self.gap_s:
            del fields["gap_s"]
        return orjson.dumps(fields)


@cache
def fields(size: Size) -> type[msgspec.Struct]:
    """Return the fields of the records of a size, for decoding and for the API's OpenAPI document."""
    counted: list[tuple[str, Any]]
    if size.counts is Counts.FRAMES:
        average = "avg_num_of_frames"
        counted = [("num_of_frames", Count), (average, float)]
    else:
        average = f"avg_users_per_{size.name}"
        counted = [("unique_users", Count), (average, float), ("num_of_frames", Count)]
    about = (
        f"Record of a {size.name}. `timestamp` and `end` are seconds since the epoch; the {size.name} is "
        f"`[timestamp, end)`.\n\nAttributes:\n    {average}: mean over all {size.plural} published so far.\n"
        "    gap_s: length of the preceding gap without records, in seconds."
    )
    return msgspec.defstruct(
        f"{size.name.title()}Fields",
        [("timestamp", int), ("datetime", str), ("end", int), *counted, ("gap_s", Count, 0)],
        namespace={"__doc__": about},
    )


@cache
def field_names(size: Size) -> tuple[str, ...]:
    """Return the field names of the records of a size, in order."""
    return fields(size).__struct_fields__


@cache
def _decoder(size: Size) -> msgspec.json.Decoder[msgspec.Struct]:
    return msgspec.json.Decoder(fields(size))


class Deleted(NamedTuple):
    """Record without a value (a tombstone): it deletes the earlier record with its key."""

    start: int


class Unreadable(NamedTuple):
    """Record in an output topic that is not the record of a window.

    Attributes:
        place: topic, partition and offset, for messages.
    """

    place: str


OfWindow = Record | Deleted


def read_record(size: Size, key: bytes | None, value: bytes | None, place: str) -> OfWindow | Unreadable:
    """Read one record from the output topic of a size."""
    if value is None:
        start = _start_of(key)
        return Unreadable(place) if start is None else Deleted(start)
    try:
        start, moment, end, number, average, *frames, gap_s = msgspec.structs.astuple(_decoder(size).decode(value))
    except msgspec.DecodeError:
        return Unreadable(place)
    if not 0 <= start <= LAST_SECOND or start % size.size_s or end != start + size.size_s:
        return Unreadable(place)
    if not (key or b"").decode(errors="replace") == moment == rfc3339(start):
        return Unreadable(place)
    return Record(size, start, number, frames[0] if frames else number, average, gap_s)


def _start_of(key: bytes | None) -> int | None:
    try:
        return int(datetime.strptime((key or b"").decode(), "%Y-%m-%dT%H:%M:%S%z").timestamp())
    except ValueError:
        return None


def columns(sizes: Collection[Size]) -> tuple[str, ...]:
    """Return the columns of a table of windows: the fields of their records, and `kind` first if sizes are several."""
    kind = ("kind",) if len(sizes) > 1 else ()
    return tuple(dict.fromkeys((*kind, *chain.from_iterable(map(field_names, sizes)))))


def row(record: Record) -> dict[str, Value]:
    """Return the columns that a record fills: its kind and its fields; `gap_s` is None without a gap."""
    values = dict[str, Value](zip(field_names(record.size), record.values(), strict=True))
    return {"kind": record.size.name} | values | {"gap_s": record.gap_s or None}


class Strays:
    """Records of a topic that are out of the order of their windows: published again, published late, or tombstones.

    A job publishes in order, so normally there are none.

    Attributes:
        by_start: the first `most` of them by the window's start, each list in the order of offsets.
        left_out: number of strays beyond `most`.
        unreadable: records that are not of a window, at most `most`.
        unreadable_left_out: number of these beyond `most`.
    """

    def __init__(self, most: int = 100_000) -> None:
        self.by_start: dict[int, list[OfWindow]] = {}
        self.left_out = 0
        self.unreadable: list[Unreadable] = []
        self.unreadable_left_out = 0
        self._most = self._room = most

    def look_through(self, records: Iterable[OfWindow | Unreadable]) -> None:
        """Find the strays among the records of one partition."""
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


def in_order(records: Iterable[OfWindow | Unreadable]) -> Iterator[Record]:
    """Yield the records of one partition that are in order: all but the strays."""
    highest = -1
    for record in records:
        if isinstance(record, Record) and not _is_stray(record, highest):
            highest = record.start
            yield record


def _is_stray(record: OfWindow, highest: int) -> bool:
    return isinstance(record, Deleted) or record.start <= highest
