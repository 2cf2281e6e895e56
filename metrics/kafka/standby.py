"""Standing by until the active instance is gone."""

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING

from confluent_kafka import Consumer

from metrics.kafka.resuming import saved_state
from metrics.settings import Settings

if TYPE_CHECKING:
    from metrics.kafka.saved_state import Instance

LOOK_S = 1.0
# An active instance commits every two seconds, if only that it lives.
SILENT_S = 5.0


def wait(
    consumer: Consumer,
    settings: Settings,
    stopping: Event,
    tell: Callable[[str], None],
    answered: Callable[[], None],
) -> None:
    """Wait until no instance is active: the last one said so, or has not committed for SILENT_S seconds.

    It returns at once where none is, and when `stopping` is set.

    Args:
        answered: called whenever the broker has answered.

    Raises:
        BrokerError: the broker does not answer; so nobody knows whether there is an active instance.
    """
    seen: Instance | None = None
    seen_at_s = monotonic()
    while not stopping.is_set():
        saved = saved_state(consumer, settings.input_topic, 1)
        answered()
        if saved is None or not saved.instance.is_active:
            return
        if saved.instance != seen:
            if seen is None or seen.id != saved.instance.id:
                tell(f"standing by: instance {saved.instance.id} is active")
            seen, seen_at_s = saved.instance, monotonic()
        elif monotonic() - seen_at_s >= SILENT_S:
            tell(f"instance {seen.id} has been silent for {SILENT_S:.0f} s: taking over")
            return
        stopping.wait(LOOK_S)
