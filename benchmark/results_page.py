"""RESULTS.md: the table, and all that is needed to read it and to run it again."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmark.rounds import Run
from benchmark.sides import Side
from benchmark.table import Row, as_markdown
from benchmark.truth import Truth
from metrics.text import numbered

PATH = Path(__file__).resolve().parent / "RESULTS.md"

_HOW_TO_READ = """\
- Each run is a process started cold, timed from its start to its end: **frames/s** is all frames by that time. **Steady
  frames/s** leaves the start out: frames by the time from the first to the last one, as the side itself tells it. Ours
  tells it from the moment it begins to wait for its first frame. kcat tells nothing; its time has up to half a second
  in it that it waits, at the end of the topic, for the broker to say that there is no more.
- **Of kcat**: each run against the kcat drain of its own round. The order of the sides differs from round to round.
- **CPU** is user and system time, children included; **peak RSS** the largest of all runs, of the side's largest
  process. Times are medians over the rounds.
- **Results**: after each run its output topics are read (committed records only) and compared with a plain recount of
  all frames. At least one window was compared. Windows that end less than 5 s before the newest frame cannot be closed
  by the frames alone: they may be missing, for every side equally, and must be right where they are there. `consume` is
  right if it read all frames, `copy` if it copied all. `ours_republishing` must do both, count and copy.
- No frame is delayed by more than 4 s, so that an allowed lateness of 5 s loses none on any side: the clock of Bytewax
  adds wall time to its watermark.
- Every side reads the same topic; each run has output topics and a consumer group of its own. All frames have the same
  key, since Quix Streams passes over records without one. Before the first round, the topic is drained once.
- `ours` is `app.py`; `benchmark.ours` only notes when its first and its last batch of frames were counted.
- Guarantees differ: ours publishes exactly once, in transactions; Quix Streams at least once, with its state in
  changelog topics; the others, as they are written here, keep their state in memory alone."""


class Circumstances(NamedTuple):
    """What a benchmark ran on, as text.

    Attributes:
        versions: a line each.
    """

    command: str
    at: datetime
    machine: str
    broker: str
    versions: Sequence[str]
    rounds: int


def text(
    found: Sequence[Row], sides: Sequence[Side], runs: Sequence[Run], truth: Truth, circumstances: Circumstances
) -> str:
    """Return the page in Markdown."""
    written = f"Written by `{circumstances.command}` on {circumstances.at:%Y-%m-%d %H:%M} UTC"
    input_ = f"{truth.frames:,} frames of {truth.size_bytes / truth.frames:,.0f} bytes on average, one partition"
    lines = [f"Machine: {circumstances.machine}", f"Broker: {circumstances.broker}", *circumstances.versions]
    shown = [
        "# Results of the benchmark",
        f"{written}: {input_}, {numbered(circumstances.rounds, 'round')}.",
        as_markdown(found),
        "\n".join(f"- `{side.name}`: {side.what}" for side in sides),
        "## How to read it",
        _HOW_TO_READ,
        "## What it ran on",
        "\n".join(f"- {line}" for line in lines),
    ]
    wrong = _what_went_wrong(runs)
    if wrong:
        shown += ["## What went wrong", wrong]
    return "\n\n".join(shown) + "\n"


def _what_went_wrong(runs: Sequence[Run]) -> str:
    return "\n".join(
        f"- {run.side.name}, round {run.number}: {problem}"
        for run in runs
        for problem in ([f"failed: {run.failure}"] if run.failure is not None else run.problems)
    )
