"""The retry budget for outages of the broker, or of another system that a job commits to."""

from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from metrics.wording.errors import DatabaseError, NoAnswerError, RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

CALM_S = 30.0


class RetryBudget:
    """Time for which failures of the remote system are retried; reports when an outage begins.

    An outage ends when that system accepts a commit, or answers a standby. If it answered, but refused records, such
    as a database whose disk is full, the outage ends when records are committed, or after CALM_S without a failure
    (limit_s if that is longer): reaching it again is not enough.

    Args:
        limit_s: the longest outage in seconds; a later failure is raised.
        stopping: set when the user wants to stop; nothing is retried then.
        database_limit_s: the longest outage of the database; by default, limit_s.

    Attributes:
        report: called with a human-readable message when an outage begins.
    """

    def __init__(self, limit_s: float, stopping: Event, database_limit_s: float | None = None) -> None:
        self.report: Callable[[str], None] = lambda _: None
        self._limit_s = limit_s
        self._database_limit_s = limit_s if database_limit_s is None else database_limit_s
        self._stopping = stopping
        self._since_s: float | None = None
        self._last_s: float | None = None
        self._is_refused = self._is_reported = False
        self._reported: set[str] = set()

    def report_once(self, about: str, what: str) -> None:
        """Report something other than a failure, unless it was reported before."""
        if about not in self._reported:
            self._reported.add(about)
            self.report(what)

    def record_failure(self, error: UnavailableError, began_s: float | None = None) -> None:
        """Note a failure, unless the budget is spent or the user wants to stop.

        Args:
            began_s: the start of the outage; None if it begins with this failure.

        Raises:
            UnavailableError: the error.
        """
        now_s, limit_s = monotonic(), self._limit(error)
        is_reported = True
        if self._since_s is None or self._last_s is None or now_s - self._last_s > max(CALM_S, limit_s):
            self._since_s = now_s if began_s is None else began_s
            self._is_refused = False
            is_reported = self._last_s is not None and now_s - self._last_s <= CALM_S
        self._last_s = now_s
        self._is_refused |= _is_refusal(error)
        if now_s - self._since_s >= limit_s or self._stopping.is_set():
            raise error
        if not is_reported:
            self._is_reported = True
            self.report(f"{error.what}; retrying for up to {limit_s:.0f} s\nwhy: {error.why}")

    def report_end(self, what: str) -> None:
        """Report the end of an outage whose beginning was reported."""
        if self._is_reported:
            self._is_reported = False
            self.report(what)

    def _limit(self, error: UnavailableError) -> float:
        return self._database_limit_s if isinstance(error, DatabaseError) else self._limit_s

    def pause(self, seconds: float) -> None:
        """Wait before the next try."""
        self._stopping.wait(seconds)

    def record_answer(self) -> None:
        """Note that the remote system answers, or accepts a commit without records."""
        if not self._is_refused:
            self._since_s = None

    def reset(self) -> None:
        """Note that records were committed."""
        self._since_s = None


def _is_refusal(error: UnavailableError) -> bool:
    """Return whether the remote system has answered, and may do so again without accepting records."""
    return isinstance(error, RefusedError | DatabaseError) and not isinstance(error, NoAnswerError)
