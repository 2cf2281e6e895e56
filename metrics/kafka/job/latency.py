"""The latency of commits: a slow broker still commits, but late."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A commit normally takes some milliseconds: seven round trips to the broker.
SLOW_S = 3.0
CALM_S = 30.0


class CommitLatency:
    """Monitor of commits: reports once when they become slow, and once when none has been slow for CALM_S.

    Attributes:
        report: called with a human-readable message; until it is set, nothing is recorded.
    """

    def __init__(self) -> None:
        self.report: Callable[[str], None] | None = None
        self._began_s: float | None = None
        self._last_slow_s: float | None = None
        self._longest_s = 0.0

    def begin(self, now_s: float) -> None:
        """Note that a commit begins."""
        self._began_s = now_s

    def check(self, now_s: float) -> None:
        """Report the commit in progress if it is slow: at once, not only when it is done."""
        if self.report is None or self._began_s is None or now_s - self._began_s < SLOW_S:
            return
        took_s = now_s - self._began_s
        if self._last_slow_s is None:
            self.report(f"the broker is slow: a commit takes more than {SLOW_S:.0f} s; results are delayed by as much")
        self._last_slow_s = now_s
        self._longest_s = max(self._longest_s, took_s)

    def end(self, now_s: float) -> None:
        """Note that a commit is done."""
        self.check(now_s)
        self._began_s = None
        if self.report is not None and self._last_slow_s is not None and now_s - self._last_slow_s >= CALM_S:
            self.report(f"the broker is no longer slow; its slowest answer took {self._longest_s:.1f} s")
            self._last_slow_s, self._longest_s = None, 0.0
