"""The sizes of windows: one table. A further size is a further row; docs/architecture.md says what else to know."""

from dataclasses import dataclass
from enum import Enum


class Counts(Enum):
    """The thing that windows of a size count; the value is its noun in the singular."""

    FRAMES = "frame"
    USERS = "user"  # unique ones


@dataclass(frozen=True, slots=True, eq=False)
class Size:
    """A size of tumbling windows, which start at multiples of their length since the epoch, in UTC.

    Other alignments (weeks, months) would need an attribute; the fields of a record follow from what it counts.

    Attributes:
        name: the noun for one window; its plural, used by the API and messages, adds an `s`.
        size_s: length in seconds.
        counts: what the records count.
        topic_setting: the setting for the output topic.
        topic: the default output topic.
        keep: how many windows `serve` keeps by default.
        most_kept: the maximum of that setting.
    """

    name: str
    size_s: int
    counts: Counts
    topic_setting: str
    topic: str
    keep: int
    most_kept: int

    @property
    def plural(self) -> str:
        """The noun for several windows."""
        return f"{self.name}s"

    @property
    def keep_setting(self) -> str:
        """The setting for the number of windows that `serve` keeps."""
        return f"keep_{self.plural}"

    @property
    def unit(self) -> str:
        """The noun for one counted thing."""
        return self.counts.value

    @property
    def title(self) -> str:
        """The heading of a chart of the records."""
        return f"{'Frames' if self.counts is Counts.FRAMES else 'Unique users'} per {self.name}"

    def start_of(self, second: int) -> int:
        """Return the start of the window that contains a second."""
        return second - second % self.size_s

    def end_of(self, second: int) -> int:
        """Return the end of the window that contains a second: the first second after it."""
        return second - second % self.size_s + self.size_s


SECOND = Size("second", 1, Counts.FRAMES, "sec_metrics_output_topic", "frames-per-second", 3_600, 86_400)
MINUTE = Size("minute", 60, Counts.USERS, "min_metrics_output_topic", "unique-users-per-minute", 1_440, 44_640)

# From small to large. Each is a multiple of the one before, so every window is within one window of each larger size.
# Frames are logged by the second, so the first row stays.
SIZES: tuple[Size, ...] = (SECOND, MINUTE)


def larger() -> tuple[Size, ...]:
    """Return the sizes that are counted from seconds: all but the first."""
    return SIZES[1:]


def largest() -> Size:
    """Return the largest size: a frame is no longer needed once its window of this size is closed."""
    return SIZES[-1]


def size_of(size_s: int) -> Size:
    """Return the size with a length in seconds."""
    return next(size for size in SIZES if size.size_s == size_s)
