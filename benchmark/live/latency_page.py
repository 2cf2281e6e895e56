"""docs/LATENCY.md with a histogram, and its figures as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmark import page
from benchmark.live.latency import Latency, Spread, spread

PAGE, PICTURE, FIGURES = "LATENCY.md", "latency.png", "latency.json"
TARGET_MS = 50

_INTRODUCTION = f"""\
# Latency

How long a result takes. A process of its own feeds frames live, each with the current time as its `ts`, and `app.py`
counts them. The clock starts when the frame that closes a window is produced, the first one that is `LATENESS_S` (5 s)
ahead of the window's end; it stops when a `read_committed` consumer has the window's record. Both times are read from
the same clock. The feeder sends each frame at once (`linger.ms=0`), so none of its own waiting is included.

The command below writes this page; the latency of every window is in `{FIGURES}`.
"""

_COLOR, _LINE = "#0072b2", "#d55e00"  # from the colour-blind safe palette by Okabe and Ito
_LEAST_BINS_MS = 60


class Found(msgspec.Struct, frozen=True):
    """Findings of a measurement.

    Attributes:
        rate: frames per second.
        problems: errors in the results, in words.
    """

    rate: int
    seconds: list[Latency]
    minutes: list[Latency]
    problems: list[str]

    def as_markdown(self) -> str:
        """Return the table, and the sentence on the results."""
        heading = ("window size", "windows", "p50 (ms)", "p99 (ms)", "max (ms)")
        rows = [_row("second", spread(self.seconds)), _row("minute", spread(self.minutes))]
        results = "; ".join(self.problems) or "right, by a plain recount"
        return f"{page.table(heading, rows, heading[:1])}\n\n{self.rate:,} frames per second; results: {results}."

    def write(self, folder: Path, circumstances: str) -> Path:
        """Write page, picture and figures into a folder, and return the page's path.

        Raises:
            FileError: something cannot be written.
        """
        with page.writing(folder):
            _draw(folder / PICTURE, [latency.seconds * 1000 for latency in self.seconds])
        page.write_figures(folder / FIGURES, self)
        image = f"![Latency of one-second windows]({PICTURE})"
        page.write(folder / PAGE, _INTRODUCTION, image, self.as_markdown(), circumstances)
        return folder / PAGE


def _row(name: str, summed_up: Spread | None) -> tuple[str, ...]:
    if summed_up is None:
        return (name, "0", "-", "-", "-")
    windows, *times_s = summed_up
    return (name, f"{windows:,}", *(f"{1000 * time_s:.1f}" for time_s in times_s))


def _draw(path: Path, latencies_ms: Sequence[float]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained", dpi=120)
    axes = figure.subplots()
    highest_ms = max([*latencies_ms, _LEAST_BINS_MS])
    axes.hist(latencies_ms, bins=60, range=(0, highest_ms), color=_COLOR)
    axes.axvline(TARGET_MS, color=_LINE, linestyle="--", label=f"{TARGET_MS} ms")
    axes.set(xlabel="from producing the closing frame to the committed record (ms)", ylabel="windows")
    axes.set(title="Latency of one-second windows")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Software": None})
