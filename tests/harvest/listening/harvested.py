"""Runs against local streams, as tests make them."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import read_events
from metrics.harvest.core.run_report import RunFigures, StreamReport
from metrics.harvest.listening.progress import Progress, StreamProgress
from metrics.harvest.listening.run import Rule, run_harvest
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.simulator.series import Series
from metrics.harvest.simulator.server import Endpoint

SEED = 7
SMALL: dict[str, Any] = {"seed": SEED, "malformed": 0, "gap_s": (0.004, 0.008)}
"""Local streams of some 170 valid messages a second each."""

Until = Callable[[Progress], bool]


class Harvested(NamedTuple):
    """A run that is finished, and all of its progress."""

    folders: Folders
    report: RunFigures
    progress: list[Progress]

    def stream(self, stream: str) -> StreamReport:
        """Return the report of a stream."""
        return next(report for report in self.report.streams if report.stream == stream)

    def ids(self, stream: str) -> list[bytes]:
        """Return the ids of a stream's events, in the order in which they were received."""
        events = [event for event in read_events(self.folders, self.report.run) if event.position.stream == stream]
        return [event.id.encode() for event in sorted(events, key=lambda event: event.position)]

    def raw(self, stream: str, connection: int = 1) -> bytes:
        """Return the raw file of a connection."""
        return (self.folders.archive_run(self.report.run) / f"{stream}-{connection}.sse").read_bytes()


def harvest(
    endpoint: Endpoint,
    folder: Path,
    *,
    seconds: float = 60,
    name: str = "nobody",
    times: int = 1,
    until: Until = lambda _: False,
    **settings: Any,
) -> Harvested:
    """Run once; stop when a progress fulfils `until`."""
    stopping, progress = Event(), list[Progress]()

    def listen(newest: Progress) -> None:
        progress.append(newest)
        if until(newest):
            stopping.set()

    how = {"stream_endpoint": endpoint.url, "stream_user": endpoint.user, "stream_password": endpoint.password}
    given = HarvestSettings(**(how | {"harvest_dir": str(folder)} | settings))
    report = run_harvest(given, Rule(seconds, name, times), stopping, listen)
    return Harvested(Folders.of(str(folder)), report, progress)


def all_failed(progress: Progress) -> bool:
    """Tell whether every stream has failed at least once."""
    return all(stream.why is not None for stream in progress.streams)


def state(progress: Progress, stream: str) -> StreamProgress:
    """Return the state of a stream at some moment."""
    return next(one for one in progress.streams if one.stream == stream)


def frames(count: int, *streams: str) -> Until:
    """Return whether streams have a number of frames each, as an `until`."""
    return lambda progress: all(state(progress, stream).frames >= count for stream in streams)


def series(stream: str, count: int) -> list[bytes]:
    """Return the ids of the first messages of a stream, of SMALL."""
    drawn = Series(stream, SEED, malformed=0)
    return [drawn.next(0).id for _ in range(count)]
