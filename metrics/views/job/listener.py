"""Listeners of the job, and the figures that they are given."""

from collections.abc import Mapping
from typing import NamedTuple

from metrics.wording.errors import UnavailableError


class JobCounts(NamedTuple):
    """Outcomes of the records of all time: read = counted + duplicates + invalid.

    Attributes:
        users: with a counted event.
    """

    read: int
    counted: int
    duplicates: int
    invalid: int
    users: int


class JobFigures(NamedTuple):
    """Figures of the job after a commit.

    Attributes:
        counts: as committed.
        lags: by partition, an upper bound of the records that are not counted; without partitions that were not
            fetched yet.
    """

    counts: JobCounts
    lags: Mapping[int, int]

    @classmethod
    def none(cls) -> "JobFigures":
        """Return the figures before the job has begun."""
        return cls(JobCounts(0, 0, 0, 0, 0), {})

    @property
    def lag(self) -> int:
        """An upper bound of the records that are not counted."""
        return sum(self.lags.values())


class Listener:
    """Listener of the job, called in the job's thread; the job blocks until it returns.

    By default, every method does nothing.
    """

    def waiting(self, line: str) -> None:
        """A human-readable message: what the job waits for before it counts, such as an active instance."""

    def begun(self, figures: JobFigures) -> None:
        """The instance has taken over, and begins to count."""

    def committed(self, figures: JobFigures, events: int, took_s: float) -> None:
        """A transaction was committed, with this number of records; with none, it was a heartbeat."""

    def outage(self, error: UnavailableError) -> None:
        """An outage of the broker or the database: a transaction was lost, or its answer is overdue."""

    def warned(self, line: str) -> None:
        """A human-readable message: an outage began or ended, or records are invalid."""
