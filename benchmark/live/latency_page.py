"""docs/LATENCY.md, with a histogram, and the numbers as JSON."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmark import sections
from benchmark.live.latency import Latency, Spread, spread
from benchmark.sections import table

PAGE, PICTURE, NUMBERS = "LATENCY.md", "latency.png", "latency.json"
TARGET_MS = 50

_BEGINNING = """\
# Latency

How long a result takes: frames come in live, each with the current time as its `ts`, from a process of its own, and
`app.py` counts them. The clock starts when the frame that closes a window is produced, the first one that is LATENESS_S
(5 s) ahead of the window's end; it stops when a `read_committed` consumer has the window's record. Both are read by the
same clock. The feeder sends each frame at once (`linger.ms=0`), so that none of its own waiting is in it.

What stands between the marks is written anew by the command, the sentences around them are not. The latency of every
window is in `latency.json`.
"""

_COLOR, _LINE = "#0072b2", "#d55e00"  # of the palette by Okabe and Ito, which the colour-blind can tell apart
_LEAST_BINS_MS = 60


class Found(msgspec.Struct, frozen=True):
    """What a measurement found.

    Attributes:
        rate: frames per second.
        problems: what was wrong with the results, in words; empty where nothing was.
    """

    rate: int
    seconds: list[Latency]
    minutes: list[Latency]
    problems: list[str]


def write(folder: Path, found: Found, circumstances: str) -> None:
    """Write page, picture and numbers.

    Raises:
        FileError: something cannot be written.
    """
    with sections.writing(folder):
        _draw(folder / PICTURE, [latency.seconds * 1000 for latency in found.seconds])
    sections.write_numbers(folder / NUMBERS, found)
    image = f"![Latency of seconds]({PICTURE})"
    sections.write(folder / PAGE, _BEGINNING, {"latency": "\n\n".join([image, as_markdown(found), circumstances])})


def as_markdown(found: Found) -> str:
    """Return the table, and the sentence about results."""
    heading = ("closed", "windows", "p50 (ms)", "p99 (ms)", "max (ms)")
    rows = [_row("seconds", spread(found.seconds)), _row("minutes", spread(found.minutes))]
    results = "; ".join(found.problems) or "right, by a plain recount"
    return f"{table(heading, rows, ('closed',))}\n\n{found.rate:,} frames per second; results: {results}."


def _row(name: str, summed_up: Spread | None) -> tuple[str, ...]:
    if summed_up is None:
        return (name, "0", "-", "-", "-")
    windows, *times_s = summed_up
    return (name, f"{windows:,}", *(f"{1000 * time_s:.1f}" for time_s in times_s))


def _draw(path: Path, latencies_ms: Sequence[float]) -> None:
    """Draw how many seconds took how long."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 3.6), layout="constrained", dpi=120)
    axes = figure.subplots()
    highest_ms = max([*latencies_ms, _LEAST_BINS_MS])
    axes.hist(latencies_ms, bins=60, range=(0, highest_ms), color=_COLOR)
    axes.axvline(TARGET_MS, color=_LINE, linestyle="--", label=f"{TARGET_MS} ms")
    axes.set(xlabel="from the produce of the closing frame to the committed record (ms)", ylabel="seconds")
    axes.set(title="How long the results of seconds took")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    figure.savefig(path, metadata={"Software": None})
