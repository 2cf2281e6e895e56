"""Whether the job is active: an active instance shows that by a heartbeat every 2 s."""

from typing import NamedTuple

from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.process import this_process
from metrics.kafka.job.standby import HEARTBEAT_TIMEOUT_S

# Longer than a standby waits: a commit may take that long, and the next heartbeat takes some seconds to be seen.
GONE_AFTER_S = 2 * HEARTBEAT_TIMEOUT_S


class Activity(NamedTuple):
    """State of the job.

    Attributes:
        is_active: None if it is unknown whether the job is active.
        why: the reason if it is not active or that is unknown; else empty.
    """

    is_active: bool | None
    why: str = ""


class Observer:
    """Observer of the instance that committed last, which sees each heartbeat if it looks every few seconds."""

    def __init__(self) -> None:
        self._last: Instance | None = None
        self._looked_s = self._since_s = float("-inf")
        self._has_changed = False

    def look(self, instance: Instance | None, now_s: float) -> Activity:
        """Return whether the job is active.

        Args:
            instance: that committed last; None if none has.
            now_s: monotonic time.
        """
        if instance != self._last:
            self._has_changed = now_s - self._looked_s < GONE_AFTER_S
            self._last, self._since_s = instance, now_s
        self._looked_s = now_s
        if instance is None:
            return Activity(is_active=False, why="nothing was committed yet")
        if not instance.is_active:
            return Activity(is_active=False, why=f"{instance} was stopped")
        if instance.is_gone():
            return Activity(is_active=False, why=f"{instance} has ended")
        if now_s - self._since_s >= GONE_AFTER_S:
            return Activity(is_active=False, why=f"{instance} has not committed for {now_s - self._since_s:.0f} s")
        if self._has_changed or _runs_here(instance):
            return Activity(is_active=True)
        return Activity(is_active=None, why="its next heartbeat shows it: ask again in some seconds")


def _runs_here(instance: Instance) -> bool:
    """Return whether the process of an instance that has not ended can be seen here."""
    process, here = instance.process, this_process()
    return process is not None and bool(here.boot) and (process.boot, process.namespace) == (here.boot, here.namespace)
