"""Parsing: each side parses all streams in a process of its own, and its frames are compared with those sent."""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmark import process
from benchmark.harvest.streams import Frame, write_streams
from benchmark.rounds import in_turn
from metrics.terminal.console import say
from metrics.wording.errors import MetricsError

OURS, PACKAGES = "ours", "sse"
TIMEOUT_S = 1_800.0
_LINE = msgspec.json.Decoder(Frame)


class Side(NamedTuple):
    """Parser of server-sent events.

    Attributes:
        what: its description, in a few words.
        module: the program that runs it.
        packages: name of its requirements file; None: the project's own environment.
    """

    name: str
    what: str
    module: str
    packages: str | None = PACKAGES


SIDES = (
    Side(OURS, "FrameParser; read: JSON by msgspec, validated, with its instant", "benchmark.harvest.ours", None),
    Side("httpx-sse", "EventSource.iter_sse; read: event.json()", "benchmark.peers.sse_httpx"),
    Side("sseclient-py", "SSEClient.events; read: json.loads", "benchmark.peers.sse_sseclient"),
    Side("aiohttp-sse-client2", "EventSource; read: json.loads", "benchmark.peers.sse_aiohttp"),
    Side(
        "launchdarkly-eventsource",
        "the readers of its client; read: json.loads",
        "benchmark.peers.sse_launchdarkly",
    ),
)


class ParseError(MetricsError):
    """A side that failed as a program."""


class Parsed(msgspec.Struct, frozen=True):
    """A line that a side prints about a stream.

    Attributes:
        parse_s: processor time without reading frames; `read_s` is that with it.
        readable: number of frames that it could read.
        failure: how its parser failed; None if it reached the end.
    """

    stream: str
    parse_s: float
    read_s: float
    readable: int
    failure: str | None


class Run(msgspec.Struct, frozen=True):
    """A stream, parsed by a side.

    Attributes:
        frames: number in the stream.
        right: number of its frames that were found.
        invented: number of frames that were found, but are not in the stream, or not so.
    """

    side: str
    frames: int
    right: int
    invented: int
    parsed: Parsed

    @property
    def verdict(self) -> str:
        """The difference between the frames found and those of the stream, in words."""
        if self.parsed.failure is not None:
            return f"fails: {self.parsed.failure.partition(':')[0]}, {self.frames - self.right:,} lost"
        counts = {"lost": self.frames - self.right, "invented": self.invented}
        return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "right"


def parsed_in_turns(pythons: Mapping[str | None, Path], rounds: int, frames: int, trap_frames: int) -> list[Run]:
    """Run all sides in each round, in an order of its own.

    Args:
        pythons: the interpreters of the environments, by their names; a side without one is left out.

    Raises:
        ParseError: a side failed.
    """
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as text:
        folder = Path(text)
        expected = write_streams(folder, frames, trap_frames)
        for number in range(1, rounds + 1):
            for side in in_turn([side for side in SIDES if side.packages in pythons], number):
                say(f"round {number} of {rounds}: {side.name}")
                runs += parse(side, pythons[side.packages], folder, expected)
    return runs


def parse(side: Side, python: Path, folder: Path, expected: Mapping[str, Sequence[Frame]]) -> list[Run]:
    """Run a side once on the streams in a folder.

    Raises:
        ParseError: it failed.
    """
    finished = process.run([str(python), "-m", side.module, str(folder)], os.environ, TIMEOUT_S)
    if finished.failure is not None:
        raise ParseError(f"{side.name} failed: {finished.failure}", why=finished.last_errors)
    return [
        _compared(side.name, line, folder, expected[line.stream]) for line in process.reports(finished.printed, Parsed)
    ]


def _compared(side: str, parsed: Parsed, folder: Path, expected: Sequence[Frame]) -> Run:
    with (folder / f"{parsed.stream}.found").open("rb") as file:
        found = Counter(_LINE.decode(line) for line in file)
    right = (found & Counter(expected)).total()
    return Run(side, len(expected), right, found.total() - right, parsed)


def wrong(runs: Sequence[Run]) -> list[str]:
    """Return what is wrong with the frames of this application's parser, in words."""
    ours = [run for run in runs if run.side == OURS]
    problems = [f"{run.parsed.stream}: {run.verdict}" for run in ours if run.verdict != "right"]
    unread = [run for run in ours if run.parsed.readable != run.frames]
    return problems + [f"{run.parsed.stream}: {run.parsed.readable:,} of {run.frames:,} frames read" for run in unread]
