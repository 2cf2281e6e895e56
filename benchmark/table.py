"""Summary of the runs, a row per side: for a terminal, and for RESULTS.md."""

from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

from rich.table import Table

from benchmark import page
from benchmark.process import Measured
from benchmark.rounds import Run
from benchmark.sides import KCAT, Side

NONE = "-"
# As a terminal shows them, over three lines.
_HEADINGS = (
    "side",
    "frames/s",
    "steady\nframes/s",
    "first\nframe\n(s)",
    "of\nkcat:\nmin",
    "\n\nmedian",
    "\n\nmax",
    "CPU\n(s)",
    "peak\nRSS\n(MB)",
    "results",
)
COLUMNS = tuple(" ".join(heading.split()) for heading in _HEADINGS)
_TEXTS = (COLUMNS[0], COLUMNS[-1])
WIDTH = 96


class Row(NamedTuple):
    """Runs of one side, as text."""

    side: str
    rate: str
    steady_rate: str
    first_frame: str
    lowest_share: str
    median_share: str
    highest_share: str
    cpu: str
    peak_rss: str
    results: str


def rows(sides: Sequence[Side], runs: Sequence[Run], frames: int) -> list[Row]:
    """Sum up the runs that did not fail: medians, but the maximum of memory.

    Args:
        frames: the number that each run had to read.
    """
    drains = {run.number: run.measured for run in runs if run.side.name == KCAT and run.failure is None}
    return [_row(side, [run for run in runs if run.side is side], drains, frames) for side in sides]


def _row(side: Side, runs: Sequence[Run], drains: dict[int, Measured | None], frames: int) -> Row:
    ended = [(run.number, run.measured) for run in runs if run.failure is None and run.measured is not None]
    reports = [run.report for run in runs if run.failure is None and run.report is not None]
    shares = [drain.seconds / measured.seconds for number, measured in ended if (drain := drains.get(number))]
    return Row(
        side.name,
        _shown(median, [frames / measured.seconds for _, measured in ended], "{:,.0f}"),
        _shown(median, [each.steady_rate for each in reports], "{:,.0f}"),
        _shown(median, [each.first_frame_s for each in reports], "{:.2f}"),
        _shown(min, shares, "{:.3f}"),
        _shown(median, shares, "{:.3f}"),
        _shown(max, shares, "{:.3f}"),
        _shown(median, [measured.cpu_s for _, measured in ended], "{:.2f}"),
        _shown(max, [measured.peak_rss_bytes / 1e6 for _, measured in ended], "{:,.0f}"),
        _results(side, runs),
    )


def _shown(summed_up: Callable[[list[float]], float], numbers: list[float], form: str) -> str:
    return form.format(summed_up(numbers)) if numbers else NONE


def _results(side: Side, runs: Sequence[Run]) -> str:
    failed = sum(run.failure is not None for run in runs)
    wrong = sum(bool(run.problems) for run in runs)
    if failed:
        return f"failed in {failed} of {len(runs)}"
    if wrong:
        return f"wrong in {wrong} of {len(runs)}"
    if not (side.reads_all or side.copies or side.counts):
        return NONE
    if side.counts and not all(run.windows for run in runs):
        return "nothing to compare"
    return "right"


def as_table(found: Sequence[Row]) -> Table:
    """Return the rows as a table for a terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column, heading in zip(COLUMNS, _HEADINGS, strict=True):
        table.add_column(heading, justify="left" if column in _TEXTS else "right", no_wrap=True, vertical="bottom")
    for row in found:
        good = row.results in ("right", NONE)
        table.add_row(*row, style=None if good else "red")
    return table


def as_markdown(found: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    return page.table(COLUMNS, found, _TEXTS)


def as_line(run: Run, frames: int) -> str:
    """Return one run as a line, followed by a line for each of its errors."""
    line = f"round {run.number}  {run.side.name:<17}"
    if run.failure is not None or run.measured is None:
        return "\n".join([f"{line} failed: {run.failure}", *(f"    {text}" for text in run.last_errors.splitlines())])
    line += f" {frames / run.measured.seconds:>9,.0f} frames/s {run.measured.seconds:>8.2f} s"
    return "\n".join([line, *(f"    wrong: {problem}" for problem in run.problems)])
