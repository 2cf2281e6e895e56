"""RESULTS.md: the table, how to read it, and how to reproduce it."""

from collections.abc import Sequence
from pathlib import Path

from benchmark import page
from benchmark.machine import Circumstances
from benchmark.rounds import Run
from benchmark.sides import Side
from benchmark.table import Row, as_markdown
from benchmark.truth import Truth
from metrics.text import numbered

PATH = Path(__file__).resolve().parent / "RESULTS.md"

_HOW_TO_READ = """\
- Each run is a process started cold and timed from start to end: **frames/s** is all frames divided by that time.
  **Steady frames/s** excludes the start: frames divided by the time from the first to the last one, as reported by the
  side itself. Ours reports from the moment it begins to wait for its first frame. kcat reports nothing; its time
  includes up to half a second at the end of the topic, in which it waits for the broker to say that there is no more.
- **Of kcat**: each run relative to the kcat drain of its own round. The order of the sides differs from round to round.
- **CPU** is user and system time, children included; **peak RSS** is the maximum over all runs, of the side's largest
  process. Times are medians over the rounds.
- **Results**: after each run, the committed records of its output topics are compared with a plain recount of all
  frames; at least one window was compared. Windows that end less than 5 s before the newest frame cannot be closed by
  the frames alone: on every side they may be missing, but if they are there, they must be right. `consume` is right if
  it read all frames, `copy` if it copied all. `ours_republishing` must do both, count and copy.
- No frame is delayed by more than 4 s, so that an allowed lateness of 5 s loses none on any side: the clock of Bytewax
  adds wall time to its watermark.
- Every side reads the same topic; each run has its own output topics and consumer group. All frames have the same key,
  since Quix Streams skips records without one. Before the first round, the topic is drained once.
- `ours` is `app.py`; `benchmark.ours` only notes when its first and its last batch of frames were counted.
- Guarantees differ: ours publishes exactly once, in transactions; Quix Streams at least once, with its state in
  changelog topics; the others, as written here, keep their state in memory only."""


def write(
    path: Path,
    found: Sequence[Row],
    sides: Sequence[Side],
    runs: Sequence[Run],
    truth: Truth,
    circumstances: Circumstances,
) -> None:
    """Write the page.

    Raises:
        FileError: it cannot be written.
    """
    written = f"Written by `{circumstances.command}` on {circumstances.at:%Y-%m-%d %H:%M} UTC"
    input_ = f"{truth.frames:,} frames of {truth.size_bytes / truth.frames:,.0f} bytes on average, one partition"
    rounds = numbered(max(run.number for run in runs), "round")
    parts = [
        f"# Results of the benchmark\n\n{written}: {input_}, {rounds}.",
        as_markdown(found),
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
