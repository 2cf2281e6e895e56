"""A curve as a picture: what a frame costs, and the memory, over the dimension."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.growth.curve import Curve, Measured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the palette by Okabe and Ito, which the colour-blind can tell apart.
COST, MEMORY = "#0072b2", "#d55e00"
DOTS_PER_INCH = 120
LOG_FROM_RATIO = 20


def draw(path: Path, curve: Curve) -> None:
    """Draw a curve into a PNG file. Both axes of figures begin at 0, so that what is flat looks flat.

    Raises:
        OSError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    points = [point for point in curve.points if point.cost_us]
    figure = Figure(figsize=(7.2, 5.6), layout="constrained", dpi=DOTS_PER_INCH)
    cost, memory = figure.subplots(2, 1, sharex=True)
    _draw_cost(cost, points)
    memory.plot(
        [point.value for point in points], [point.most_rss_mb for point in points], "s-", color=MEMORY, markersize=6
    )
    cost.set(ylabel="µs a frame", title=f"What a frame costs, by {curve.axis}")
    memory.set(ylabel="peak RSS (MB)", xlabel=curve.axis)
    _set_values(memory, [point.value for point in points])
    for axes in (cost, memory):
        axes.set_ylim(0, axes.get_ylim()[1] * 1.1)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
        axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Software": None})


def _draw_cost(axes: "Axes", points: list[Measured]) -> None:
    medians = [point.median_us for point in points]
    below = [point.median_us - min(point.cost_us) for point in points]
    above = [max(point.cost_us) - point.median_us for point in points]
    axes.errorbar(
        [point.value for point in points],
        medians,
        [below, above],
        fmt="o-",
        color=COST,
        capsize=4,
        markersize=6,
        label="median of the rounds; least to most",
    )
    axes.legend(frameon=False, fontsize=9, loc="lower right")


def _set_values(axes: "Axes", values: list[float]) -> None:
    """Mark the axis at the points; by logarithms where they lie far apart, and none is 0."""
    if values and min(values) > 0 and max(values) / min(values) >= LOG_FROM_RATIO:
        axes.set_xscale("log")
    axes.set_xticks(values, [_short(value) for value in values], minor=False)
    axes.set_xticks([], minor=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"
