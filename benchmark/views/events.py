"""Files of view events: as `views generate` makes them, and those that are the most work to count."""

from pathlib import Path
from random import Random
from time import time
from typing import NamedTuple
from uuid import UUID

from benchmark.views.rig import Rig, application, kept
from metrics.files.atomic import writing
from metrics.times import rfc3339

ORDINARY, WORST = "ordinary", "worst case"
LESS = "ask for less"
WORST_MEDIA, WORST_USERS, WORST_RANGE_S = 10_000, 1_000_000, 14 * 86_400
MEDIA, USERS = 1_000, 10_000

_LINE = '{"EventId":"%s","MediaId":%d,"UserId":%d,"Timestamp":%d,"DateTime":"%s","EventType":"waypoint"}\n'


class Size(NamedTuple):
    """Number of events, and of media items and users that they are about."""

    events: int
    media: int = MEDIA
    users: int = USERS


def ordinary(rig: Rig, size: Size) -> Path:
    """Return a file made by `views generate`: popular items, sessions, and some noise.

    Raises:
        ViewsRunError: it failed.
    """
    path = rig.folder / f"ordinary-{size.events}-{size.media}-{size.users}.ndjson"
    if not path.exists():
        options = {"--count": size.events, "--media": size.media, "--users": size.users, "--seed": 1}
        numbers = [text for name, number in options.items() for text in (name, str(number))]
        rig.run("views generate", application("generate", str(path), *numbers), kept())
    return path


def worst(rig: Rig, events: int) -> Path:
    """Return a file of waypoints whose media, users and times are drawn evenly, so that most make rows of their own."""
    path = rig.folder / f"worst-{events}.ndjson"
    if not path.exists():
        write_worst(path, events, int(time()))
    return path


def write_worst(path: Path, count: int, end: int, seed: int = 1) -> None:
    """Write such a file.

    Args:
        end: the time that all events are before, in seconds since the epoch.

    Raises:
        FileError: the file cannot be written.
    """
    random = Random(seed)
    with writing(path, LESS) as file:
        for _ in range(count):
            at = end - 1 - random.randrange(WORST_RANGE_S)
            event_id = UUID(int=random.getrandbits(128), version=4)
            fields = event_id, random.randrange(WORST_MEDIA), random.randrange(WORST_USERS), at, rfc3339(at)
            file.write((_LINE % fields).encode())
