"""Latency: from the produce call of the frame that closes a window until its record can be read; docs/LATENCY.md.

Frames are fed live to the application, and its records are timed.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path

import msgspec

from benchmark import page
from benchmark.broker import Arrived, Broker
from benchmark.contract import LATENESS_S
from benchmark.live import rig
from benchmark.live.feeder import Began
from benchmark.live.rig import RATE, START_TIMEOUT_S, MeasurementError
from metrics.frames.sizes import MINUTE, SECOND
from metrics.terminal.progress import bar

CLOSING_S = 7.0  # until the first frame closes a second
TARGET_MS = 50
PICTURE = "latency.png"

_COLOR, _LINE = "#0072b2", "#d55e00"  # from the colour-blind safe palette by Okabe and Ito
_LEAST_BINS_MS = 60
_HEADING = ("window size", "windows", "p50 (ms)", "p99 (ms)", "max (ms)")


class Latency(msgspec.Struct, frozen=True):
    """Latency of one window.

    Attributes:
        start: of the window, in seconds since the epoch.
        seconds: from the produce call of the frame that closes it until its record is read.
    """

    start: int
    seconds: float


def closing(began: Sequence[Began], end: int) -> Began | None:
    """Return the frame that closes a window: the first one LATENESS_S or more ahead of its end; None if none came.

    Args:
        began: in order of ts.
        end: of the window, in seconds since the epoch.
    """
    index = bisect_left(began, end + LATENESS_S, key=attrgetter("ts"))
    return began[index] if index < len(began) else None


def paired(began: Sequence[Began], arrived: Iterable[Arrived], topic: str, size_s: int) -> list[Latency]:
    """Pair each record of a topic with the frame that closes its window.

    Args:
        began: the first frames of all seconds, in order.
        size_s: of the topic's windows.
    """
    return [
        Latency(record.window.start, record.at_s - frame.at_s)
        for record in arrived
        if record.topic == topic and (frame := closing(began, record.window.start + size_s))
    ]


def percentile(numbers: Sequence[float], share: float) -> float:
    """Return the smallest number that is not exceeded by this share of the numbers (nearest rank).

    Args:
        share: above 0, at most 1.
    """
    rank = math.ceil(round(share * len(numbers), 9))  # 0.07 * 100 is slightly more than 7
    return sorted(numbers)[max(rank, 1) - 1]


class Found(page.Findings, frozen=True, kw_only=True):
    """Latencies by the size of the window.

    Attributes:
        rate: frames per second.
    """

    title = "latency"
    introduction = f"""\
# Latency

How long a result takes. A separate process feeds frames live, each with the current time as its `ts`, and `app.py`
counts them. The clock starts when the frame that closes a window is produced, the first one that is `LATENESS_S` (5 s)
ahead of the window's end; it stops when a `read_committed` consumer has the window's record. Both times are read from
the same clock. The feeder sends each frame at once (`linger.ms=0`), so none of its own waiting is included.

The command below writes this page; the latency of every window is in `latency.json`.

![Latency of one-second windows]({PICTURE})"""

    rate: int
    seconds: list[Latency]
    minutes: list[Latency]

    def as_markdown(self) -> str:
        """Return the table, and a sentence on the results."""
        rows = [row("second", self.seconds), row("minute", self.minutes)]
        results = "; ".join(self.problems) or "right, by a plain recount"
        return f"{page.table(_HEADING, rows, _HEADING[:1])}\n\n{self.rate:,} frames per second; results: {results}."

    def draw(self, folder: Path) -> None:
        """Draw a histogram of the latencies of one-second windows."""
        from matplotlib.figure import Figure

        latencies_ms = [latency.seconds * 1000 for latency in self.seconds]
        figure = Figure(figsize=(7.2, 3.6), layout="constrained", dpi=120)
        axes = figure.subplots()
        axes.hist(latencies_ms, bins=60, range=(0, max([*latencies_ms, _LEAST_BINS_MS])), color=_COLOR)
        axes.axvline(TARGET_MS, color=_LINE, linestyle="--", label=f"{TARGET_MS} ms")
        axes.set(xlabel="from producing the closing frame to the committed record (ms)", ylabel="windows")
        axes.set(title="Latency of one-second windows")
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
        figure.savefig(folder / PICTURE, metadata={"Software": None})


def row(size: str, latencies: Sequence[Latency]) -> tuple[str, ...]:
    """Return the row of a window size: the number of windows, median, 99th percentile and maximum."""
    if not latencies:
        return (size, "0", "-", "-", "-")
    times_ms = [1000 * latency.seconds for latency in latencies]
    shown = (f"{percentile(times_ms, share):.1f}" for share in (0.5, 0.99, 1))
    return (size, f"{len(latencies):,}", *shown)


def measured(broker: Broker, seconds: int) -> Found:
    """Feed frames until about this many one-second windows are closed, and return the latency of each window."""
    with (
        bar(f"closing {seconds} one-second windows", seconds) as move,
        rig.set_up(broker) as live,
        live.application() as application,
    ):
        live.wait_for_take_over(application)
        with live.feeder(seconds + CLOSING_S) as feeder:

            def has_ended() -> bool:
                move(len(live.arrived))
                return feeder.has_ended()

            live.wait(has_ended, "the frames are fed", seconds + START_TIMEOUT_S, application)
            fed = feeder.finish()
            if fed.failure:
                raise MeasurementError(f"the feeder: {fed.failure}", why=fed.last_errors)
            began, problems = live.checked(feeder, application)
    seconds_topic, minutes_topic = live.task.numbers
    return Found(
        rate=RATE,
        seconds=paired(began, live.arrived, seconds_topic, SECOND.size_s),
        minutes=paired(began, live.arrived, minutes_topic, MINUTE.size_s),
        problems=problems,
    )
