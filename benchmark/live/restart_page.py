"""docs/RESTART.md, and the numbers as JSON."""

from operator import attrgetter
from pathlib import Path

import msgspec

from benchmark import sections
from benchmark.live.restart import Start, summed_up
from benchmark.sections import table

PAGE, NUMBERS = "RESTART.md", "restart.json"

_BEGINNING = """\
# Restart

How long results stay away: while frames come in live, 1,000 a second, the application is killed by SIGKILL and started
again at once. The clock starts with the new process, and stops when a `read_committed` consumer has its first record.

- **Until it asks**: Python starts, modules are imported, topics are checked. The saved state names the process before,
  which has ended on the same machine, so it is not waited for; on another one, it would be until it is silent (5 s).
- **Taking over**: `init_transactions`. The broker fences the instance before, and ends the transaction that it left
  open; nothing can be read or written safely before. The first start of all takes over from nobody; on a new broker,
  it waits until that has made its own topic for transactions.
- **Until the result**: the state is read, open windows are rebuilt from the log, what came meanwhile is counted, and
  the next window is committed.

It runs as `app.py` does, with a print around that one step. What stands between the marks is written anew by the
command, the sentences around them are not. The numbers are in `restart.json`, too.
"""

_READ = ("until_taking_over_s", "taking_over_s", "until_result_s", "total_s", "besides_s")


class Found(msgspec.Struct, frozen=True):
    """What a measurement found.

    Attributes:
        starts: the first takes over from nobody.
        problems: what was wrong with the results, in words; empty where nothing was.
    """

    starts: list[Start]
    problems: list[str]


def write(folder: Path, found: Found, circumstances: str) -> None:
    """Write page and numbers.

    Raises:
        FileError: something cannot be written.
    """
    sections.write_numbers(folder / NUMBERS, found)
    sections.write(folder / PAGE, _BEGINNING, {"restart": f"{as_markdown(found)}\n\n{circumstances}"})


def as_markdown(found: Found) -> str:
    """Return the table, and the sentence about results."""
    heading = (
        "killed",
        "until it asks (s)",
        "taking over (s)",
        "until the result (s)",
        "in all (s)",
        "besides taking over (s)",
    )
    first, *restarts = found.starts
    begun = (f"{first.until_taking_over_s:.2f}", f"{first.taking_over_s:.2f}")  # its result waits for frames
    rows = [("not at all: first start", *begun, "-", "-", "-"), *(_row(each) for each in restarts)]
    if restarts:
        both = [summed_up(restarts, attrgetter(name)) for name in _READ]
        rows += [
            (f"**{name}**", *(f"**{numbers[index]:.2f}**" for numbers in both))
            for index, name in enumerate(("median of restarts", "longest"))
        ]
    results = "; ".join(found.problems) or "right, by a plain recount: each window once"
    return f"{table(heading, rows, ('killed',))}\n\nResults over all restarts: {results}."


def _row(start: Start) -> tuple[str, ...]:
    return (start.killed, *(f"{attrgetter(read)(start):.2f}" for read in _READ))
