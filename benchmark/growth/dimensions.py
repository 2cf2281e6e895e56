"""The dimensions: along each, one property of the work grows, and the rest is held."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmark.bodies import Recipe
from benchmark.truth import Truth
from metrics.errors import SettingsError

BASE = Recipe()
SMALL = Recipe(size_bytes=500)  # where millions are needed: they have to fit the memory, or the disk is measured
FRAMES = 500_000
LEAST_FRAMES = 1_000
CLOSING_S = 7  # event time after which the frames alone have closed a second
UNIQUES_RATE, UNIQUES_S = 20_000, 71  # a whole minute of 1,200,000 frames, and what closes it


class Point(NamedTuple):
    """One size along a dimension.

    Attributes:
        value: where it stands on the axis.
        frames: how many are counted.
        busy_commit_s: seconds between commits while frames pour in; None: the application's own.
    """

    value: float
    frames: int
    recipe: Recipe = BASE
    partitions: int = 1
    busy_commit_s: float | None = None

    @property
    def input(self) -> tuple[Recipe, int, int]:
        """What its topic holds: recipe, number and partitions of the frames."""
        return self.recipe, self.frames, self.partitions


class Dimension(NamedTuple):
    """One property of the work.

    Attributes:
        axis: what grows, with its unit.
        held: what is held, in words.
        reads: gives the value of a point from its frames, where they decide it.
    """

    name: str
    axis: str
    held: str
    points: Sequence[Point]
    reads: Callable[[Truth], float] | None = None


def _most_uniques(truth: Truth) -> float:
    return max(truth.minutes.values())


_OTHERWISE = "frames of 2,080 bytes, 1,000 per second of event time, 100,000 users, 2 % delayed, one partition"

DIMENSIONS = (
    Dimension(
        "frames",
        "frames in the topic",
        "frames of 500 bytes, 1,000 per second of event time, 100,000 users, 2 % delayed, one partition",
        [Point(count, count, SMALL) for count in (1_000_000, 2_000_000, 5_000_000, 10_000_000)],
    ),
    Dimension(
        "uniques",
        "unique users a minute",
        "frames of 500 bytes, 20,000 per second of event time, 2 % delayed, one partition",
        [
            Point(users, UNIQUES_RATE * UNIQUES_S, Recipe(size_bytes=500, rate=UNIQUES_RATE, users=users))
            for users in (1_000, 10_000, 100_000, 3_300_000)  # of the last, about a million come in a minute
        ],
        _most_uniques,
    ),
    Dimension(
        "partitions",
        "partitions",
        _OTHERWISE.replace(", one partition", ""),
        [Point(partitions, FRAMES, partitions=partitions) for partitions in (1, 2, 4, 8, 16, 32)],
    ),
    Dimension(
        "size",
        "bytes of a frame",
        "1,000 frames per second of event time, 100,000 users, 2 % delayed, one partition",
        [
            Point(size_bytes, count, Recipe(size_bytes=size_bytes))
            for size_bytes, count in (
                (200, 1_000_000),
                (500, 1_000_000),
                (2_000, FRAMES),
                (6_000, 200_000),
                (20_000, 100_000),
            )
        ],
    ),
    Dimension(
        "rate",
        "frames per second of event time",
        "frames of 500 bytes, 100,000 users, 2 % delayed, one partition; 7 s of event time at least, "
        "so that the frames close seconds",
        [
            Point(rate, max(1_000_000, CLOSING_S * rate), Recipe(size_bytes=500, rate=rate))
            for rate in (100, 1_000, 10_000, 100_000, 1_000_000)
        ],
    ),
    Dimension(
        "disorder",
        "delayed frames (%)",
        _OTHERWISE.replace(", 2 % delayed", ", delays of 1 to 4 s"),
        [Point(percent, FRAMES, Recipe(delayed_share=percent / 100)) for percent in (0, 1, 2, 5, 10, 20)],
    ),
    Dimension(
        "commit",
        "seconds between commits while frames pour in",
        _OTHERWISE,
        [Point(interval_s, FRAMES, busy_commit_s=interval_s) for interval_s in (0.05, 0.1, 0.25, 0.5, 1.0, 2.0)],
    ),
)


def chosen(names: Sequence[str], scale: float) -> list[Dimension]:
    """Return the dimensions with these names, all where there are none.

    Args:
        scale: factor for the number of frames of each point. The value of `frames` itself is scaled with it.

    Raises:
        SettingsError: a name is none of a dimension.
    """
    known = [dimension.name for dimension in DIMENSIONS]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SettingsError(f"--only {unknown[0]}: there is no such dimension", hint=f"choose of {', '.join(known)}")
    return [_scaled(dimension, scale) for dimension in DIMENSIONS if not names or dimension.name in names]


def _scaled(dimension: Dimension, scale: float) -> Dimension:
    points = []
    for point in dimension.points:
        count = max(LEAST_FRAMES, round(point.frames * scale))
        value = count if dimension.name == "frames" else point.value
        points.append(point._replace(frames=count, value=value))
    return dimension._replace(points=points)
