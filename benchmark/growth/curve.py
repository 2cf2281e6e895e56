"""A curve: what each point cost, summed up over its rounds."""

from collections.abc import Sequence
from statistics import median

import msgspec

from benchmark.rounds import Run
from benchmark.sections import table
from metrics.text import numbered

HEADING_AFTER_VALUE = (
    "frames",
    "µs a frame",
    "least",
    "most",
    "frames/s",
    "whole process (s)",
    "CPU (s)",
    "peak RSS (MB)",
    "results",
)


class Measured(msgspec.Struct, frozen=True):
    """One point, measured; lists have a number for each round that did not fail.

    Attributes:
        value: where it stands on the axis.
        frames: how many were counted.
        cost_us: microseconds a frame, from the first one to the last.
        process_s: seconds from the start of the process to its end.
        cpu_s: user and system time of the process.
        peak_rss_bytes: of the process.
        results: `right`, or what is wrong with them.
    """

    value: float
    frames: int
    cost_us: list[float]
    process_s: list[float]
    cpu_s: list[float]
    peak_rss_bytes: list[int]
    results: str

    @property
    def median_us(self) -> float:
        """Median cost of a frame; not a number where every round failed."""
        return median(self.cost_us) if self.cost_us else float("nan")

    @property
    def most_rss_mb(self) -> float:
        """Largest memory of all rounds, in megabytes."""
        return max(self.peak_rss_bytes, default=0) / 1e6


class Curve(msgspec.Struct, frozen=True):
    """One dimension, measured."""

    dimension: str
    axis: str
    held: str
    points: list[Measured]


def measured(value: float, frames: int, runs: Sequence[Run]) -> Measured:
    """Sum up the rounds of a point."""
    ended = [run.measured for run in runs if run.failure is None and run.measured is not None]
    told = [run.told for run in runs if run.failure is None and run.told is not None]
    return Measured(
        value,
        frames,
        cost_us=[round(1e6 / each.steady_rate, 3) for each in told],
        process_s=[round(each.seconds, 3) for each in ended],
        cpu_s=[round(each.cpu_s, 3) for each in ended],
        peak_rss_bytes=[each.peak_rss_bytes for each in ended],
        results=_results(runs),
    )


def _results(runs: Sequence[Run]) -> str:
    bad = sum(not run.is_good for run in runs)
    if bad:
        return f"failed or wrong in {bad} of {len(runs)}"
    return "right" if all(run.windows for run in runs) else "nothing to compare"


def as_markdown(curve: Curve) -> str:
    """Return the numbers as a table, and by what they grow along the curve."""
    rows = [_row(point) for point in curve.points]
    return f"{table((curve.axis, *HEADING_AFTER_VALUE), rows, ('results',))}\n\n{growth(curve)}"


def _row(point: Measured) -> tuple[str, ...]:
    value = f"{point.value:,.0f}" if point.value == int(point.value) else f"{point.value:,}"
    if not point.cost_us:
        return (value, f"{point.frames:,}", *["-"] * 7, point.results)
    return (
        value,
        f"{point.frames:,}",
        f"{point.median_us:.2f}",
        f"{min(point.cost_us):.2f}",
        f"{max(point.cost_us):.2f}",
        f"{1e6 / point.median_us:,.0f}",
        f"{median(point.process_s):.2f}",
        f"{median(point.cpu_s):.2f}",
        f"{point.most_rss_mb:,.0f}",
        point.results,
    )


def growth(curve: Curve) -> str:
    """Tell in one sentence by what cost and memory change from the first point to the last."""
    points = [point for point in curve.points if point.cost_us]
    if len(points) < 2:
        return "Too few points ended as they should to tell a growth."
    first, last = points[0], points[-1]
    rounds = numbered(max(len(point.cost_us) for point in points), "round")
    cost = f"a frame costs {last.median_us / first.median_us:.2f} times as much"
    memory = f"peak memory is {last.most_rss_mb / first.most_rss_mb:.2f} times as large"
    return f"From the first to the last point, {cost}, and {memory}; medians of {rounds}, of memory the largest."
