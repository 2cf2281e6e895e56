"""The sizes of windows: one table. A further size is a further row, and nothing else."""

from dataclasses import dataclass
from enum import Enum


class Counts(Enum):
    """What the windows of a size count; the value is the noun for one of it."""

    FRAMES = "frame"
    USERS = "user"  # different ones


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """Windows of one size. They tumble, and start at multiples of their length.

    Attributes:
        name: the noun for one window; with an `s`, what the API and messages call several.
        size_s: their length in seconds.
        counts: what their records count.
        topic_setting: the setting that names the topic of their records.
        topic: what that is by default.
        keep: how many of them `serve` keeps by default, and `most_kept` at most.
        shown: how many of the newest a chart shows at first.
    """

    name: str
    size_s: int
    counts: Counts
    topic_setting: str
    topic: str
    keep: int
    most_kept: int
    shown: int

    @property
    def plural(self) -> str:
        """The noun for several windows."""
        return f"{self.name}s"

    @property
    def keep_setting(self) -> str:
        """The setting that says how many windows `serve` keeps."""
        return f"keep_{self.plural}"

    @property
    def unit(self) -> str:
        """The noun for one of what is counted."""
        return self.counts.value

    @property
    def title(self) -> str:
        """What the records count, as the heading of a chart."""
        return f"{'Frames' if self.counts is Counts.FRAMES else 'Unique users'} per {self.name}"

    def start_of(self, second: int) -> int:
        """Return the start of the window that a second lies in."""
        return second - second % self.size_s

    def end_of(self, second: int) -> int:
        """Return the end of the window that a second lies in: the first second after it."""
        return second - second % self.size_s + self.size_s


SECOND = Size("second", 1, Counts.FRAMES, "sec_metrics_output_topic", "frames-per-second", 3_600, 86_400, 600)
MINUTE = Size("minute", 60, Counts.USERS, "min_metrics_output_topic", "unique-users-per-minute", 1_440, 44_640, 240)

# From small to large; each is a multiple of the one before it, so that a window lies in one window of each larger size.
# Frames are logged by the second, so the first row stays.
SIZES: tuple[Size, ...] = (SECOND, MINUTE)


def larger() -> tuple[Size, ...]:
    """Return the sizes that are counted from seconds: all but the first."""
    return SIZES[1:]


def largest() -> Size:
    """Return the largest size: a frame is of no use once its window of this size is closed."""
    return SIZES[-1]


def size_of(size_s: int) -> Size:
    """Return the size with a length in seconds."""
    return next(size for size in SIZES if size.size_s == size_s)
