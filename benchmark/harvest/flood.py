"""A flood: one harvest reads three streams that send as fast as it takes them, over HTTP from another process."""

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from benchmark import process
from benchmark.harvest.flooding import MALFORMED, SEED, Address
from benchmark.harvest.taking import Sample, Taken
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import read_events
from metrics.harvest.simulator.series import Series
from metrics.time.deadline import Deadline
from metrics.wording.errors import MetricsError

EARLY_S = 20.0
FLAT_MB = 4
START_TIMEOUT_S, FINISH_TIMEOUT_S = 60.0, 1_800.0

Ids = Literal["own", "none"]


class FloodError(MetricsError):
    """A harvest, or a server, that failed."""


class Flood(msgspec.Struct, frozen=True):
    """A harvest of a flood.

    Attributes:
        ids: of the frames.
        listened_s: seconds between the first frames and the last.
        cpu_s: processor time in that time; `finish_s` is that after it, for the files and the report.
        server_s: processor time of the server, with its start.
        early_bytes, late_bytes: memory after EARLY_S, and just before the end.
        peak_bytes: the most memory, which the report takes.
    """

    ids: Ids
    frames: int
    listened_s: float
    cpu_s: float
    finish_s: float
    server_s: float
    early_bytes: int
    late_bytes: int
    peak_bytes: int


def flooded(ids: Ids, seconds: float) -> tuple[Flood, list[str]]:
    """Harvest a flood for some seconds; return what is wrong with its events, too.

    Raises:
        FloodError: it failed.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as folder,
        process.running([sys.executable, "-m", "benchmark.harvest.flooding", ids], kept) as server,
    ):
        address = _address(server)
        settings = {"STREAM_ENDPOINT": address.url, "STREAM_PASSWORD": address.password, "HARVEST_DIR": folder}
        command = [sys.executable, "-m", "benchmark.harvest.taking", str(seconds)]
        finished = process.run(command, kept | settings, seconds + FINISH_TIMEOUT_S)
        served = server.finish()
        if finished.failure is not None:
            raise FloodError(f"the harvest failed: {finished.failure}", why=finished.last_errors)
        [taken] = process.reports(finished.printed, Taken)
        problems = differences(ids, Folders.of(folder), taken)
    return _flood(ids, taken.samples, finished.measured, served.measured), problems


def _address(server: process.Running) -> Address:
    """Wait until the server prints its address.

    Raises:
        FloodError: it does not.
    """
    found = Deadline(START_TIMEOUT_S).poll(lambda: process.reports(server.printed, Address), bool, 0.05)
    if not found:
        raise FloodError("the flood does not start", why=server.finish().last_errors)
    return found[0]


def _flood(ids: Ids, samples: Sequence[Sample], client: process.Measured, server: process.Measured) -> Flood:
    *listening, last = samples  # the last is taken when the run has freed its memory
    first, late = next(sample for sample in listening if sample.frames), listening[-1]
    early = [sample for sample in listening if sample.at_s <= EARLY_S][-1]
    return Flood(
        ids=ids,
        frames=last.frames - first.frames,
        listened_s=last.at_s - first.at_s,
        cpu_s=last.cpu_s - first.cpu_s,
        finish_s=client.cpu_s - last.cpu_s,
        server_s=server.cpu_s,
        early_bytes=early.rss_bytes,
        late_bytes=late.rss_bytes,
        peak_bytes=client.peak_rss_bytes,
    )


def differences(ids: Ids, folders: Folders, taken: Taken) -> list[str]:
    """Return how events and malformed frames differ from the messages that were sent, in words."""
    found = {stream.stream: Counter[str]() for stream in taken.streams}
    for event in read_events(folders, taken.run):
        found[event.position.stream][event.id] += 1
    problems = []
    for stream in taken.streams:
        series = Series(stream.stream, SEED, MALFORMED)
        sent = [series.next(0) for _ in range(stream.frames)]
        events = Counter(message.id.decode() if ids == "own" else "" for message in sent if message.fault is None)
        malformed = Counter(message.fault for message in sent if message.fault is not None)
        lost, invented = events - found[stream.stream], found[stream.stream] - events
        if lost or invented or malformed != stream.malformed:
            problems.append(
                f"{stream.stream}: {lost.total():,} events lost, {invented.total():,} invented; "
                f"malformed: {stream.malformed} instead of {dict(malformed)}"
            )
    return problems
