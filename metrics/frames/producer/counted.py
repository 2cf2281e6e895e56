"""How far a group has counted, in event time, for those who send it frames."""

from contextlib import closing
from typing import NamedTuple

from metrics.errors import MetricsError
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import saved_state
from metrics.kafka import futures
from metrics.kafka.clients import open_asker

# It is a courtesy: who sends frames does not wait for long.
ASK_S = 2.0


class Counted(NamedTuple):
    """How far a group has counted.

    Attributes:
        event_time: the newest ts, in seconds since the epoch.
        closed_before: in the partition that is furthest, a frame with an earlier ts is late.
    """

    event_time: int
    closed_before: int


def counted(settings: Settings, partitions: int) -> Counted | None:
    """Ask how far the group of the settings has counted; None where it has not, or where no answer comes quickly."""
    try:
        saved = futures.call(ASK_S, _saved, settings, partitions)
    except (MetricsError, TimeoutError):
        return None
    clocks = [at for at in saved.state.partitions.values() if at.newest >= 0] if saved is not None else []
    if not clocks:
        return None
    return Counted(max(at.newest for at in clocks), max(at.watermark for at in clocks))


def _saved(settings: Settings, partitions: int) -> SavedState | None:
    with closing(open_asker(settings, settings.consumer_group_id)) as asker:
        return saved_state(asker, settings.input_topic, partitions)
