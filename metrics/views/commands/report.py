"""What a run of views has taken and counted: for the live line, and as a table at the end."""

from time import monotonic
from typing import NamedTuple

from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_table
from metrics.views.commands.live_line import Figures
from metrics.views.job.listener import JobCounts, JobFigures, Listener
from metrics.views.taking.taker import Taker
from metrics.wording.text import rate

UNKNOWN = "-"


class TakingReport:
    """Report of a server that takes events."""

    def __init__(self, taker: Taker) -> None:
        self._taker = taker

    def figures(self) -> Figures:
        """Return what was taken so far."""
        taken = self._taker.figures
        numbers = {"taken": taken.lines, "accepted": taken.accepted, "rejected": taken.rejected}
        return Figures(numbers, taken.lines)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the name of each figure, and its number in this run and in all runs."""
        taken = self._taker.figures
        numbers = {"lines taken": taken.lines, "accepted": taken.accepted, "rejected": taken.rejected}
        numbers |= {f"rejected: {reason}": number for reason, number in sorted(taken.by_reason.items())}
        return [(name, f"{number:,}", UNKNOWN) for name, number in numbers.items()]


class _Run(NamedTuple):
    """Figures of a run at its first and its last commit."""

    first: JobFigures
    last: JobFigures

    def counts(self) -> JobCounts:
        """Return what was counted in between."""
        return JobCounts._make(
            after - before for before, after in zip(self.first.counts, self.last.counts, strict=True)
        )


class JobReport(Listener):
    """Report of the job, as its listener.

    Attributes:
        has_begun: whether the job has read what was counted before; a standby has not.
    """

    def __init__(self) -> None:
        self.has_begun = False
        self._run = _Run(JobFigures.none(), JobFigures.none())
        self._began_s = self._read_s = monotonic()

    def begun(self, figures: JobFigures) -> None:
        """Count from here, if it has not begun before."""
        if not self.has_begun:
            self.has_begun = True
            self._run = _Run(figures, figures)
            self._began_s = self._read_s = monotonic()
        else:
            self._run = self._run._replace(last=figures)

    def committed(self, figures: JobFigures, events: int, _: float) -> None:
        """Keep the figures."""
        self._run = self._run._replace(last=figures)
        if events:
            self._read_s = monotonic()

    def figures(self) -> Figures:
        """Return what this run has counted so far, and the lag if it is known."""
        run = self._run  # the job's thread may replace it at any time
        counts = run.counts()
        numbers = {"counted": counts.counted, "duplicates": counts.duplicates}
        return Figures(numbers | ({"lag": run.last.lag} if run.last.lags else {}), counts.read)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the name of each figure, and its number in this run and in all runs; none before it has begun."""
        if not self.has_begun:
            return []
        of_run, of_all = self._run.counts(), self._run.last.counts
        names = ("records read", "counted", "duplicates", "invalid", "users")
        counts = [(name, f"{run:,}", f"{all_:,}") for name, run, all_ in zip(names, of_run, of_all, strict=True)]
        return [*counts, ("lag", UNKNOWN, f"{self._run.last.lag:,}")]

    def rate(self) -> str:
        """Return the rate of this run up to its last record."""
        return rate(self._run.counts().read, "record", self._read_s - self._began_s)


def sum_up(job: JobReport, taking: TakingReport | None = None) -> None:
    """Print the figures of this run, and of all runs.

    Raises:
        FileError, OutputClosedError: standard output failed.
    """
    if not job.has_begun and taking is None:
        say("stopped without having counted")
        return
    say(f"stopped after {job.rate()}")
    table = new_table("", "this run", "all runs", texts=[""])
    for row in [*(taking.rows() if taking else ()), *job.rows()]:
        table.add_row(*row)
    say_table(table)
