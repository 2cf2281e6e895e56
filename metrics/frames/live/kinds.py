"""The sizes of windows that can be looked at.

A further size is a further row here. Its record is described in `metrics.frames.records`, its topic is named in
`metrics.frames.results.read`; the page, the API and its events have it then.
"""

from collections.abc import Callable
from typing import NamedTuple

from metrics.frames.core.windows import SECOND_S
from metrics.frames.settings import Settings
from metrics.times import MINUTE_S


class WindowKind(NamedTuple):
    """Windows of one size.

    Attributes:
        plural: what they are called, and where the API has them.
        title: what their records count, over a chart.
        unit: what is counted, one of it.
        shown: how many of the newest a chart shows at first.
        keep: returns how many the settings keep.
    """

    size_s: int
    plural: str
    title: str
    unit: str
    shown: int
    keep: Callable[[Settings], int]


KINDS = (
    WindowKind(SECOND_S, "seconds", "Frames per second", "frame", 600, lambda settings: settings.keep_seconds),
    WindowKind(MINUTE_S, "minutes", "Unique users per minute", "user", 240, lambda settings: settings.keep_minutes),
)


def kept(settings: Settings) -> dict[int, int]:
    """Return how many windows of each size are kept, by the size in seconds."""
    return {kind.size_s: kind.keep(settings) for kind in KINDS}
