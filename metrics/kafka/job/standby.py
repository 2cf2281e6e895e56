"""Waiting as a standby until the active instance is gone."""

from collections.abc import Callable
from threading import Event
from time import monotonic

from metrics.kafka.job.heartbeat import Instance

LOOK_S = 1.0
# An active instance commits every HEARTBEAT_S, 2 s.
HEARTBEAT_TIMEOUT_S = 5.0
# A commit takes seven round trips to the broker, a look one; after the longest, the broker has aborted any transaction.
LOOKS_PER_COMMIT, LONGEST_COMMIT_S = 10, 30.0


def why_not_active(committed_at_s: float, outage: str) -> str | None:
    """Return that this instance has missed heartbeats, in words; None if it has not.

    Args:
        committed_at_s: the time of its last commit, by time.monotonic.
        outage: that it is in, in words; empty if there is none.
    """
    since_s = monotonic() - committed_at_s
    if since_s <= HEARTBEAT_TIMEOUT_S:
        return None
    return f"no commit for {since_s:.0f} s" + (f"; {outage}" if outage else "")


class MissedHeartbeats:
    """Time since the last heartbeat of an instance, with a limit that rises with the broker's latency.

    A slow broker delays our queries as much as the other instance's commits, so query latency bounds commit latency: a
    slow instance must not be mistaken for a dead one.

    Args:
        now_s: the time at which its last heartbeat was seen.
    """

    def __init__(self, now_s: float) -> None:
        self._began_s = now_s
        self._slowest_s = 0.0

    def is_gone_after_look(self, asked_s: float, answered_s: float) -> bool:
        """Return whether the instance is gone, after another look without a new heartbeat."""
        self._slowest_s = max(self._slowest_s, answered_s - asked_s)
        limit_s = HEARTBEAT_TIMEOUT_S + min(LONGEST_COMMIT_S, LOOKS_PER_COMMIT * self._slowest_s)
        return answered_s - self._began_s >= limit_s

    def length_s(self, now_s: float) -> float:
        """Return the seconds since the last heartbeat was seen."""
        return now_s - self._began_s


def wait(
    look: Callable[[], Instance | None], stopping: Event, answered: Callable[[], None], report: Callable[[str], None]
) -> bool:
    """Wait until no other instance is active: it has stopped, its process has ended, or its heartbeats are missing.

    Returns at once if there is none, or when `stopping` is set.

    Args:
        look: returns the other instance unless it has stopped; None if there is none.
        answered: called whenever the broker has answered, and the wait continues.
        report: called with a line about the active instance, and about why it counts as gone.

    Returns:
        Whether it had to wait.
    """
    seen: Instance | None = None
    missed = MissedHeartbeats(monotonic())
    while not stopping.is_set():
        asked_s = monotonic()
        active = look()
        if active is None:
            break
        if active.is_gone():
            report(f"{active} has ended without a last commit: taking over")
            break
        answered()
        if active != seen:
            if seen is None or seen.id != active.id:
                report(f"standby: {active} is active; --take-over starts without waiting")
            seen, missed = active, MissedHeartbeats(monotonic())
        elif missed.is_gone_after_look(asked_s, monotonic()):
            report(f"{active} has sent no heartbeat for {missed.length_s(monotonic()):.0f} s: taking over")
            break
        stopping.wait(LOOK_S)
    return seen is not None
