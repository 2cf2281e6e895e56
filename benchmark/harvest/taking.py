"""A harvest that reports its own processor time and memory: `python -m benchmark.harvest.taking SECONDS`.

Its settings are environment variables; it stops by time. At the end it prints a `Taken` as JSON.
"""

import sys
from threading import Event
from time import process_time

import msgspec
import psutil

from metrics.harvest.core.run_report import StreamReport
from metrics.harvest.listening.progress import Progress
from metrics.harvest.listening.run import Rule, run_harvest
from metrics.harvest.settings import HarvestSettings


class Sample(msgspec.Struct, frozen=True):
    """A moment of a run.

    Attributes:
        at_s: seconds since its start.
        frames: of all streams so far.
        cpu_s: processor time of the process so far.
        rss_bytes: memory in use.
    """

    at_s: float
    frames: int
    cpu_s: float
    rss_bytes: int


class Taken(msgspec.Struct, frozen=True):
    """A run: its moments, about ten a second, and how its streams went."""

    run: str
    samples: list[Sample]
    streams: list[StreamReport]


def main() -> None:
    """Harvest once."""
    seconds, samples, own = float(sys.argv[1]), list[Sample](), psutil.Process()

    def sample(progress: Progress) -> None:
        if progress.report_share is not None:  # the run has stopped, and freed what it had in memory
            return
        frames = sum(stream.frames for stream in progress.streams)
        samples.append(Sample(seconds - progress.seconds_left, frames, process_time(), own.memory_info().rss))

    report = run_harvest(HarvestSettings.load(), Rule(seconds, "nobody", 1), Event(), sample)
    print(msgspec.json.encode(Taken(report.run, samples, report.streams)).decode())


if __name__ == "__main__":
    main()
