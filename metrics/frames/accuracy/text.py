"""Trade-off between latency and accuracy as a table and as bars, on the terminal."""

from collections.abc import Sequence

from rich import box
from rich.bar import Bar
from rich.table import Table

from metrics.frames.accuracy.lateness import Delay, Error, Lags, Tradeoff
from metrics.frames.sizes import SIZES, largest
from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_table
from metrics.wording.text import numbered

BAR_COLUMNS = 40


def show(lags: Lags, tradeoffs: Sequence[Tradeoff]) -> None:
    """Print the result of each allowed lateness."""
    refused = f", and {numbered(lags.refused, 'rejected line')}" if lags.refused else ""
    say(f"{numbered(lags.frames, 'frame')}{refused}")
    say("waits: median and largest, from a window's end until it is closed, in event time")
    say_table(_table(tradeoffs))
    say_table(_bars(tradeoffs))


def _table(tradeoffs: Sequence[Tradeoff]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in (
        "lateness\n(s)",
        "frames\nmissed",
        f"{largest().name}\ntoo",
        *(f"worst {size.name}\n({size.unit}s)" for size in SIZES),
        *(f"{size.plural}\nwait (s)" for size in SIZES),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for at in tradeoffs:
        table.add_row(
            f"{at.lateness_s:,}",
            f"{at.late:.3%}",
            f"{at.lost:.3%}",
            *map(_error, at.worst.values()),
            *map(_delay, at.delays.values()),
        )
    return table


def _error(error: Error) -> str:
    return f"-{error.missed:,} of {error.truth:,}" if error.missed else "exact"


def _delay(delay: Delay | None) -> str:
    return "none" if delay is None else f"{delay.median_s:,}, {delay.largest_s:,}"


def _bars(tradeoffs: Sequence[Tradeoff]) -> Table:
    """Return the shares of missed frames as bars; the longest has full width."""
    table = new_table("lateness (s)", "frames missed", "", texts=["frames missed"])
    most = max((at.late for at in tradeoffs), default=0.0) or 1.0
    for at in tradeoffs:
        table.add_row(f"{at.lateness_s:,}", Bar(most, 0, at.late, width=BAR_COLUMNS), f"{at.late:.3%}")
    return table
