"""Runs as a live run records them, made up by seed, and what must come of them, worked out without the parser."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.raw import RawWriter
from metrics.harvest.core.journal import AnyEntry, Closed, Opened, Started, Stopped, Taken

RUN = "20231207_170121"
START_US = 1_701_964_881_500_000
FRAME_LIMIT_BYTES = 4_096
PLATFORMS = ["Sytflix", "Sytazon", "Sysney"]
ZONES = {"US": "America/Los_Angeles", "CA": "America/Toronto", "RU": "Europe/Moscow", "NA": "Europe/Amsterdam"}
HEADER = (
    "id,event,event_date,show.show_id,show.cast,show.country,show.director,show.date_added,show.description,"
    "show.duration,show.listed_in,show.rating,show.title,show.type,show.release_year,show.platform,"
    "user.id,user.date_of_birth,user.email,user.first_name,user.gender,user.ip_address,user.country,user.last_name,"
    "instant,received_at,position"
)
COLUMNS = HEADER.split(",")

Row = list[str]


class MadeFrame(NamedTuple):
    """A block of a stream.

    Attributes:
        end: where it ends in its bytes.
        has_data: whether it is a frame.
        row: its event's, without its times and its position; None if it has no event.
    """

    data: bytes
    end: int
    has_data: bool
    row: Row | None
    instant: datetime


class Chunk(NamedTuple):
    """Bytes that were received at once, and the frames that end in them."""

    data: bytes
    frames: list[MadeFrame]


def _texts(random: Random, index: int) -> tuple[dict[str, Any], datetime]:
    """Return the JSON of an event, and its instant."""
    country = random.choice(["US", "CA", "RU", "NA", None])
    instant = datetime(2023, 12, 7, 16, tzinfo=UTC) + timedelta(milliseconds=random.randrange(3_000))
    local = instant.astimezone(ZoneInfo(ZONES.get(country or "", "Europe/Amsterdam")))
    show = {
        "show_id": f"s{random.randrange(9)}",
        "cast": random.choice([None, "Ann Lee, Bob Ray", 'a "quoted" name,\r\nand lines', "\u2028é😀"]),
        "country": None,
        "title": random.choice(["", "A title, with a comma", "\x85"]),
        "release_year": random.choice([2019, 2020, None]),
        "platform": random.choice([None, *PLATFORMS, "Other", "Another"]),
    }
    user = {"id": random.choice([index % 5, str(index % 5)]), "first_name": "Ann", "country": country}
    date = f"{local:%d-%m-%Y %H:%M:%S}.{local.microsecond // 1000:03}"
    return {"show": show, "event_date": date, "user": user}, instant


def _row(own_id: str, name: str, event: dict[str, Any], platform: str) -> Row:
    show, user = event["show"], event["user"]
    values = {f"show.{key}": value for key, value in show.items()} | {
        f"user.{key}": value for key, value in user.items()
    }
    values |= {
        "id": own_id,
        "event": name,
        "event_date": event["event_date"],
        "show.platform": show["platform"] or platform,
    }
    return ["" if (value := values.get(column)) is None else str(value) for column in COLUMNS[:24]]


def _frame(random: Random, index: int, stream: str) -> MadeFrame:
    """Return a frame; the ids of those with an event, and only those, begin with `valid`."""
    event, instant = _texts(random, index)
    fault = random.choice([None] * 12 + ["json", "event", "user", "long", "data"])
    own_id = f"{'valid' if fault is None else fault}-{stream}-{index}"
    lines = [f"id:{own_id}", "event: stream-started", "data:" + json.dumps(event, ensure_ascii=random.random() < 0.5)]
    match fault:
        case None if random.random() < 0.3:
            lines[2:] = [f"data: {line}" for line in json.dumps(event, indent=1).split("\n")]
        case "json":
            lines[2] = lines[2][:-1]
        case "event":
            del lines[1]
        case "user":
            lines[2] = "data:" + json.dumps(event | {"user": {"id": "x7", "first_name": "Ann"}})
        case "long":
            lines[2] = "data:" + json.dumps(event | {"padding": "x" * FRAME_LIMIT_BYTES})
        case "data":  # no frame at all
            del lines[2]
    if len(lines) == 3:
        random.shuffle(lines)
    lines.insert(random.randrange(len(lines)), ": comment")
    newline = random.choice(["\n", "\r\n", "\r"])
    data = (newline.join(lines) + newline * 2).encode()
    row = _row(own_id, "stream-started", event, PLATFORMS[["sytflix", "sytazon", "sysney"].index(stream)])
    return MadeFrame(data, len(data) - len(newline) + 1, fault != "data", row if fault is None else None, instant)


def _connection(random: Random, stream: str, indexes: range) -> Iterator[Chunk]:
    """Yield the chunks of a connection that is cut after, or within, its last frame."""
    frames = [_frame(random, index, stream) for index in indexes]
    if frames and random.random() < 0.3:
        frames.append(random.choice(frames))  # repeated
    data = random.choice([b"", b"\xef\xbb\xbf"]) + b"".join(frame.data for frame in frames)
    ends, at = [], len(data) - sum(len(frame.data) for frame in frames)
    for frame in frames:
        ends.append(at + frame.end)
        at += len(frame.data)
    begin = 0
    until = len(data) - random.choice([0, 0, random.randrange(len(data) // 2 + 1)])
    while begin < until:
        end = min(until, begin + random.choice([random.randrange(1, 60), random.randrange(1, 9_000)]))
        ending = [(at, frame) for at, frame in zip(ends, frames, strict=True) if begin < at <= end and frame.has_data]
        yield Chunk(data[begin:end], [frame for _, frame in ending])
        begin = end


class Recorder:
    """A run that is recorded as a live run does it: journal lines of a chunk's frames, then its bytes.

    Attributes:
        rows: of the events that were taken, with their order.
    """

    def __init__(self, folder: Path, seed: int, *, frames: int, run: str = RUN, started_us: int = START_US) -> None:
        self.rows: dict[tuple[Any, ...], Row] = {}
        self._folder = folder
        self._random = Random(seed)
        self._frames = frames
        self._run = run
        self._started_us = self._at_us = started_us
        self._keys: set[tuple[str, str]] = set()

    def record(self, stop: Stopped | None = None) -> None:
        """Record all connections of the run, side by side."""
        with JournalWriter(self._folder) as journal:
            started = Started(
                at_us=self._started_us,
                run=self._run,
                seconds=20.0,
                name="Sytac",
                times=3,
                frame_limit_bytes=FRAME_LIMIT_BYTES,
            )
            journal.append([started])
            streams = [self._stream(journal, stream) for stream in ("sytflix", "sytazon", "sysney")]
            while streams:
                stream = self._random.choice(streams)
                if next(stream, None) is None:
                    streams.remove(stream)
            if stop is not None:
                journal.append([stop])

    def csv(self) -> bytes:
        """Return what the processed file must be."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows([COLUMNS, *(row for _, row in sorted(self.rows.items()))])
        return text.getvalue().encode()

    def _now(self) -> int:
        self._at_us += self._random.randrange(5_000)
        return self._at_us

    def _stream(self, journal: JournalWriter, stream: str) -> Iterator[bool]:
        per_connection = self._random.randrange(1, 20)
        for connection, first in enumerate(range(0, self._frames, per_connection), 1):
            requested_us = self._now()
            journal.append([Opened(at_us=self._now(), stream=stream, connection=connection, requested_us=requested_us)])
            number = 0
            with RawWriter(self._folder, stream, connection) as raw:
                for chunk in _connection(self._random, stream, range(first, min(first + per_connection, self._frames))):
                    now = self._now()
                    entries: list[AnyEntry] = [Taken(at_us=now, stream=stream, connection=connection)] * len(
                        chunk.frames
                    )
                    journal.append(entries)
                    raw.write(chunk.data)
                    for frame in chunk.frames:
                        number += 1
                        self._take(frame, now, (stream, connection, number))
                    yield True
            if first + per_connection < self._frames:
                journal.append([Closed(at_us=self._now(), stream=stream, connection=connection, why="cut")])

    def _take(self, frame: MadeFrame, now_us: int, position: tuple[str, int, int]) -> None:
        if frame.row is None or (key := (frame.row[15], frame.row[0])) in self._keys:
            return
        self._keys.add(key)
        platform, (stream, connection, number) = frame.row[15], position
        rank = PLATFORMS.index(platform) if platform in PLATFORMS else 3
        order = frame.instant, rank, platform, ["sytflix", "sytazon", "sysney"].index(stream), connection, number
        received = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)
        times = [
            f"{frame.instant:%Y-%m-%dT%H:%M:%S}.{frame.instant.microsecond // 1000:03}Z",
            f"{received:%Y-%m-%dT%H:%M:%S.%f}Z",
        ]
        self.rows[order] = [*frame.row, *times, f"{stream}-{connection}:{number}"]


def complete_ids(paths: Iterable[Path]) -> set[str]:
    """Return the ids of the events whose frames are complete in raw files, by a parser of few words."""
    ids: set[str] = set()
    for path in paths:
        text = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, _unfinished = text.split(b"\n\n")
        ids |= {line[3:].decode() for block in blocks for line in block.split(b"\n") if line.startswith(b"id:valid-")}
    return ids
