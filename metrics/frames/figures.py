"""Execution metrics of a run: what became of its frames, as a line and as a table."""

from collections.abc import Iterator, Mapping
from operator import sub
from typing import NamedTuple

from rich.table import Table

from metrics.frames.core.counter import Counter
from metrics.frames.core.state import Tally
from metrics.frames.sizes import SIZES
from metrics.terminal.tables import new_table


def metrics_line(pace_so_far: str, tally: Tally) -> str:
    """Return the execution metrics as one line."""
    rejected = sum(tally.rejected.values())
    return f"{pace_so_far}; late {tally.late:,}, rejected {rejected:,}, error rate {_error_rate(tally)}"


def _error_rate(tally: Tally) -> str:
    """Return the error rate as a percentage; `-` if no frame has been decided on."""
    return f"{tally.error_rate:.3%}" if tally.decided else "-"


class Figures(NamedTuple):
    """Totals of a consumer group so far, or of one run.

    In a run, `held` is negative if it released more frames than it took in.

    Attributes:
        published: number of windows of each size, in the order of `SIZES`.
    """

    tally: Tally
    published: tuple[int, ...]

    @classmethod
    def of(cls, counter: Counter) -> "Figures":
        """Take the figures from a counter."""
        return cls(counter.tally(), tuple(counter.windows.series[size.size_s].windows for size in SIZES))

    def since(self, before: "Figures") -> "Figures":
        """Return the difference to earlier figures."""
        return Figures(self.tally.since(before.tally), tuple(map(sub, self.published, before.published)))

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield the name and value of each figure."""
        tally = self.tally
        yield "frames consumed", tally.consumed
        for name in ("counted", "late", "late_in_minute", "invalid", "future", "held", "lost"):
            yield name, getattr(tally, name)
        yield "rejected", sum(tally.rejected.values())
        for size, windows in zip(SIZES, self.published, strict=True):
            yield f"{size.plural} published", windows


def figures_table(columns: Mapping[str, Figures]) -> Table:
    """Return figures as a table, each set in a column under its name."""
    table = new_table("", *columns, texts=[""])
    for row in zip(*(figures.named() for figures in columns.values()), strict=True):
        table.add_row(row[0][0], *(f"{number:,}" for _, number in row))
    by_reason = [figures.tally.rejected for figures in columns.values()]
    for reason in sorted({reason for rejected in by_reason for reason in rejected}):
        table.add_row(f"rejected as {reason}", *(f"{rejected.get(reason, 0):,}" for rejected in by_reason))
    table.add_row("error rate", *(_error_rate(figures.tally) for figures in columns.values()))
    return table
