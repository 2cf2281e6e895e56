"""A group's progress in event time, to warn a producer whose frames would be late."""

from contextlib import closing
from typing import NamedTuple

from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import saved_state
from metrics.kafka import futures
from metrics.kafka.clients import open_asker
from metrics.wording.errors import MetricsError

# The warning is a courtesy: feeding does not wait long for it.
ASK_S = 2.0


class Counted(NamedTuple):
    """Progress of a group, in seconds since the epoch.

    Attributes:
        event_time: the newest ts.
        closed_before: a frame with an earlier ts is late in the partition that is furthest ahead.
    """

    event_time: int
    closed_before: int


def counted(settings: Settings, partitions: int) -> Counted | None:
    """Return how far the group has counted; None if it has not, or if the broker does not answer within ASK_S."""
    try:
        saved = futures.call(ASK_S, _saved, settings, partitions)
    except (MetricsError, TimeoutError):
        return None
    clocks = [at for at in saved.state.partitions.values() if at.newest >= 0] if saved is not None else []
    return Counted(max(at.newest for at in clocks), max(at.watermark for at in clocks)) if clocks else None


def _saved(settings: Settings, partitions: int) -> SavedState | None:
    with closing(open_asker(settings, settings.consumer_group_id)) as asker:
        return saved_state(asker, settings.input_topic, partitions)
