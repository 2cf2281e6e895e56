"""Files of view events: as `views generate` makes them, and those that are more work to count or to compare."""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from random import Random
from time import time
from typing import Literal, NamedTuple
from uuid import UUID

from benchmark.views.rig import Rig, application, kept
from metrics.files.atomic import writing
from metrics.time.moments import rfc3339

Mix = Literal["ordinary", "scattered", "worst case"]
ORDINARY: Mix = "ordinary"
SCATTERED: Mix = "scattered"
WORST: Mix = "worst case"
LESS = "ask for less"
MEDIA, USERS = 1_000, 10_000
WORST_MEDIA, WORST_USERS = 10_000, 1_000_000
RANGE_S = 14 * 86_400

_LINE = '{"EventId":"%s","MediaId":%d,"UserId":%d,"Timestamp":%d,"DateTime":"%s","EventType":"waypoint"}\n'


class Size(NamedTuple):
    """Number of events, and of media items and users that they are about."""

    events: int
    media: int = MEDIA
    users: int = USERS


def file_of(rig: Rig, mix: Mix, size: Size) -> Path:
    """Return a file of events, which is made unless it exists.

    Ordinary events are those of `views generate`: popular items, sessions, and some noise. The others are waypoints;
    users and times are drawn evenly. Scattered are those without sessions: each user has seen many of the items, of
    which some are popular. In the worst case, items are drawn evenly, too: most events make rows of their own.

    Raises:
        ViewsRunError: it failed.
    """
    path = rig.folder / f"{mix.replace(' ', '-')}-{'-'.join(map(str, size))}.ndjson"
    if path.exists():
        return path
    if mix == ORDINARY:
        options = {"--count": size.events, "--media": size.media, "--users": size.users, "--seed": 1}
        numbers = [text for name, number in options.items() for text in (name, str(number))]
        rig.run("views generate", application("generate", str(path), *numbers), kept())
    else:
        write_waypoints(path, size, int(time()), popularity if mix == SCATTERED else _evenly)
    return path


def worst(events: int) -> Size:
    """Return the size of a worst case with some events."""
    return Size(events, WORST_MEDIA, WORST_USERS)


def popularity(media: int) -> float:
    """Return how popular an item is, by Zipf's law."""
    return 1 / (1 + media)


def _evenly(_: int) -> float:
    return 1.0


def write_waypoints(path: Path, size: Size, end: int, weight: Callable[[int], float], seed: int = 1) -> None:
    """Write a file of waypoints.

    Args:
        end: the time that all events are before, in seconds since the epoch.
        weight: returns how often an item is drawn, beside others.

    Raises:
        FileError: the file cannot be written.
    """
    random, media = Random(seed), range(size.media)
    weights = [*accumulate(map(weight, media))]
    with writing(path, LESS) as file:
        for _ in range(size.events):
            at = end - 1 - random.randrange(RANGE_S)
            event_id = UUID(int=random.getrandbits(128), version=4)
            [item] = random.choices(media, cum_weights=weights)
            file.write((_LINE % (event_id, item, random.randrange(size.users), at, rfc3339(at))).encode())
