"""Results of the sides: a row each, in a table for a terminal and on the page RESULTS.md."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from rich.table import Table
from rich.text import Text

from benchmark import page
from benchmark.machine import Circumstances
from benchmark.process import Measured
from benchmark.rounds import Run
from benchmark.sides import KCAT, Side
from benchmark.truth import Truth
from metrics.terminal.tables import new_table
from metrics.wording.text import numbered

PATH = Path(__file__).resolve().parent / "RESULTS.md"
NONE = "-"
COLUMNS = (
    "side",
    "frames/s",
    "steady frames/s",
    "first frame (s)",
    "of kcat: min",
    "median",
    "max",
    "CPU (s)",
    "peak RSS (MB)",
    "results",
)
_TEXTS = (COLUMNS[0], COLUMNS[-1])

Row = tuple[str, ...]  # of a side, in the order of COLUMNS

_HOW_TO_READ = """\
- Each run is a process started cold and timed from start to end: **frames/s** is all frames divided by that time.
  **Steady frames/s** excludes the start: frames divided by the time from the first to the last one, as reported by the
  side itself. Ours reports from the moment it begins to wait for its first frame. kcat reports nothing; its time
  includes up to half a second at the end of the topic, in which it waits for the broker to report the end.
- **Of kcat**: each run relative to the kcat drain of its own round. The order of the sides differs from round to round.
- **CPU** is user and system time, children included; **peak RSS** is the maximum over all runs, of the side's largest
  process. Times are medians over the rounds.
- **Results**: after each run, the committed records of its output topics are compared with a plain recount of all
  frames; at least one window was compared. Windows that end less than 5 s before the newest frame cannot be closed by
  the frames alone: on every side they may be missing, but those published must be right. `consume` is right if it read
  all frames, `copy` if it copied all. `ours_republishing` must count and copy.
- No frame is delayed by more than 4 s, so that an allowed lateness of 5 s loses none on any side: the clock of Bytewax
  adds wall time to its watermark.
- Every side reads the same topic; each run has its own output topics and consumer group. All frames have the same key,
  since Quix Streams skips records without one. Before the first round, the topic is drained once.
- `ours` is `app.py`; `benchmark.ours` only notes when it took over, and when its first and its last batch were counted.
- Guarantees differ: ours publishes exactly once, in transactions; Quix Streams at least once, with its state in
  changelog topics; the others, as written here, keep their state in memory only."""


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
    return (
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
    table = new_table(*COLUMNS, texts=_TEXTS)
    for *cells, results in found:
        table.add_row(*cells, Text(results, style="" if results in ("right", NONE) else "red"))
    return table


def as_line(run: Run, frames: int) -> str:
    """Return one run as a line, followed by a line for each of its errors."""
    line = f"round {run.number}  {run.side.name:<17}"
    if run.failure is not None or run.measured is None:
        return "\n".join([f"{line} failed: {run.failure}", *(f"    {text}" for text in run.last_errors.splitlines())])
    line += f" {frames / run.measured.seconds:>9,.0f} frames/s {run.measured.seconds:>8.2f} s"
    return "\n".join([line, *(f"    wrong: {problem}" for problem in run.problems)])


def write(path: Path, sides: Sequence[Side], runs: Sequence[Run], truth: Truth, circumstances: Circumstances) -> None:
    """Write the page.

    Raises:
        FileError: it cannot be written.
    """
    input_ = f"{truth.frames:,} frames of {truth.size_bytes / truth.frames:,.0f} bytes on average, one partition"
    rounds = numbered(max(run.number for run in runs), "round")
    parts = [
        f"# Results of the benchmark\n\nWritten {circumstances.by}: {input_}, {rounds}.",
        page.table(COLUMNS, rows(sides, runs, truth.frames), _TEXTS),
        "\n".join(f"- `{side.name}`: {side.what}" for side in sides),
        f"## How to read it\n\n{_HOW_TO_READ}",
        "## What it ran on\n\n" + "\n".join(f"- {line}" for line in circumstances.ran_on),
    ]
    wrong = [
        f"- {run.side.name}, round {run.number}: {problem}"
        for run in runs
        for problem in ([f"failed: {run.failure}"] if run.failure is not None else run.problems)
    ]
    page.write(path, *parts, *(["## What went wrong\n\n" + "\n".join(wrong)] if wrong else []))
