"""The execution metrics of a run: what became of its frames, as people and machines read it."""

from collections.abc import Iterator, Mapping
from operator import sub
from typing import NamedTuple

from rich.table import Table

from metrics.frames.core.counter import Counter
from metrics.frames.sizes import SIZES
from metrics.terminal.tables import new_table


def metrics_line(pace_so_far: str, late: int, rejected: int, error_rate: float | None) -> str:
    """Return the execution metrics as one line."""
    return f"{pace_so_far}; late {late:,}, rejected {rejected:,}, error rate {_share(error_rate)}"


def _share(share: float | None) -> str:
    """Return a share as people read it; there is none of nothing."""
    return "-" if share is None else f"{share:.3%}"


class Figures(NamedTuple):
    """What a consumer group did so far, or one run of it.

    Of a run, `held` is below 0 where it let go of more frames than it took.
    """

    frames_consumed: int
    counted: int
    late: int
    late_but_in_their_minute: int
    invalid: int
    too_far_in_the_future: int
    held: int
    lost: int
    rejected: int
    published: tuple[int, ...]  # windows of each size

    @classmethod
    def of(cls, counter: Counter) -> "Figures":
        """Take the figures from a counter."""
        tally, windows = counter.tally(), counter.windows
        return cls(
            tally.consumed,
            tally.counted,
            tally.late,
            tally.joined,
            tally.invalid,
            tally.future,
            tally.held,
            tally.lost,
            sum(tally.rejected.values()),
            tuple(windows.series[size.size_s].windows for size in SIZES),
        )

    def since(self, before: "Figures") -> "Figures":
        """Return what was done since other figures were taken."""
        published = tuple(map(sub, self.published, before.published))
        return Figures._make([*map(sub, self[:-1], before[:-1]), published])

    def named(self) -> Iterator[tuple[str, int]]:
        """Yield each figure and its name."""
        yield from zip(self._fields[:-1], self[:-1], strict=True)
        for size, windows in zip(SIZES, self.published, strict=True):
            yield f"{size.plural}_published", windows

    @property
    def error_rate(self) -> float | None:
        """Frames that did not count as they should, as a share of those decided on; None without any.

        A frame that is held is decided on by the run that lets go of it, and not by the one that read it.
        """
        decided = self.frames_consumed - self.held
        return (self.late + self.invalid + self.too_far_in_the_future) / decided if decided else None


def figures_table(columns: Mapping[str, tuple[Figures, Mapping[str, int]]]) -> Table:
    """Return figures as a table.

    Args:
        columns: the name of each, its figures, and its rejected frames by reason.
    """
    table = new_table("", *columns, texts=[""])
    figures = [of_column for of_column, _ in columns.values()]
    for row in zip(*(of_column.named() for of_column in figures), strict=True):
        name, _ = row[0]
        table.add_row(name.replace("_", " "), *(f"{number:,}" for _, number in row))
    by_reason = [rejected for _, rejected in columns.values()]
    for reason in sorted({reason for rejected in by_reason for reason in rejected}):
        table.add_row(f"rejected as {reason}", *(f"{rejected.get(reason, 0):,}" for rejected in by_reason))
    table.add_row("error rate", *(_share(of_column.error_rate) for of_column in figures))
    return table
