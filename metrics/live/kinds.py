"""The sizes of windows that can be looked at; a further size is a further row here."""

from typing import NamedTuple

from metrics.frames.event_clock import MINUTE_S
from metrics.frames.windows import SECOND_S
from metrics.settings import Settings


class WindowKind(NamedTuple):
    """Windows of one size.

    Attributes:
        plural: what they are called, and where the API has them.
        title: what their records count, over a chart.
        unit: what is counted, one of it.
        shown: how many of the newest a chart shows at first.
    """

    size_s: int
    plural: str
    title: str
    unit: str
    shown: int


KINDS = (
    WindowKind(SECOND_S, "seconds", "Frames per second", "frame", 600),
    WindowKind(MINUTE_S, "minutes", "Unique users per minute", "user", 240),
)


def kept(settings: Settings) -> dict[int, int]:
    """Return how many windows of each size are kept, by the size in seconds."""
    return {SECOND_S: settings.keep_seconds, MINUTE_S: settings.keep_minutes}
