"""Waiting as a standby until the active instance is gone."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from confluent_kafka import Consumer

from metrics.frames.job.start_state import saved_state
from metrics.frames.settings import Settings

if TYPE_CHECKING:
    from metrics.frames.job.saved_state import Instance

LOOK_S = 1.0
# An active instance commits every two seconds, if only that it lives.
SILENT_S = 5.0
# A commit takes seven round trips to the broker, a look one; after so long, the broker has given up on any transaction.
LOOKS_A_COMMIT, LONGEST_COMMIT_S = 10, 30.0


class Silence:
    """How long an instance has not committed, and how long that may be: the slower the broker, the longer.

    Who asks a slow broker waits for it as the instance does. So how long the questions take tells how long its commits
    may take; an instance that is only slowed down must not be taken for one that is gone.

    Args:
        now_s: when its last commit was seen.
    """

    def __init__(self, now_s: float) -> None:
        self._began_s = now_s
        self._slowest_s = 0.0

    def look(self, asked_s: float, answered_s: float) -> bool:
        """Tell whether it is gone, by another look that found no new commit."""
        self._slowest_s = max(self._slowest_s, answered_s - asked_s)
        return answered_s - self._began_s >= SILENT_S + min(LONGEST_COMMIT_S, LOOKS_A_COMMIT * self._slowest_s)

    def length_s(self, now_s: float) -> float:
        """Return how long it has not committed."""
        return now_s - self._began_s


def other(consumer: Consumer, settings: Settings, own_id: str) -> "Instance | None":
    """Return the instance that has not said that it stopped; None where there is none, or where it is this one.

    Args:
        consumer: asks what the group has committed; a transaction that is open must not keep it waiting.

    Raises:
        BrokerError: the broker does not answer, so it is not known whether another instance is active.
    """
    saved = saved_state(consumer, settings.input_topic, 1)
    if saved is None or not saved.instance.is_active or saved.instance.id == own_id:
        return None
    return saved.instance


def wait(
    look: "Callable[[], Instance | None]", stopping: Event, answered: Callable[[], None], tell: Callable[[str], None]
) -> bool:
    """Wait until no other instance is active: it said so, its process is gone, or it is silent for too long.

    Returns at once where none is, and when `stopping` is set.

    Args:
        look: returns the other instance that has not said that it stopped; None where there is none.
        answered: called whenever the broker has answered, and this instance goes on waiting.
        tell: is given a line about which instance is active, and about why it counts as gone.

    Returns:
        Whether it had to wait.
    """
    seen: Instance | None = None
    silence = Silence(monotonic())
    while not stopping.is_set():
        asked_s = monotonic()
        active = look()
        if active is None:
            break
        if active.is_gone():
            tell(f"{active} has ended without saying so: taking over")
            break
        answered()
        if active != seen:
            if seen is None or seen.id != active.id:
                tell(f"standing by: {active} is active; with --take-over, a start does not wait")
            seen, silence = active, Silence(monotonic())
        elif silence.look(asked_s, monotonic()):
            tell(f"{active} has been silent for {silence.length_s(monotonic()):.0f} s: taking over")
            break
        stopping.wait(LOOK_S)
    return seen is not None
