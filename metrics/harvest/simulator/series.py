"""The endless series of messages of one simulated platform, drawn from a seed."""

from datetime import datetime
from functools import lru_cache
from random import Random
from uuid import UUID

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.instants import zone_of_country
from metrics.harvest.simulator.people import people
from metrics.harvest.simulator.shows import SHOWS, shows
from metrics.harvest.simulator.spoiling import Drawn, spoil

STARTED = b"stream-started"
# The next event of a viewer, with cumulative shares; after one of the two ends, the viewer stops watching.
_NEXT = ((b"stream-finished", 0.58), (b"show-liked", 0.8), (b"stream-interrupted", 0.94), (b"stream-ended", 1.0))
_ENDS = (b"stream-finished", b"stream-ended")
_MOST_WATCHING = 6
_LATE, _LATE_S, _PROMPT_S = 0.1, (0.3, 2.0), (0.0, 0.05)  # share of late events, and the delays of late and prompt ones


class Series:
    """The messages of a platform. With the same seed they differ only in their times, for any share of malformed ones.

    Viewers start a show, like it, are interrupted, and finish it; up to 6 watch at once.

    Args:
        malformed: share of malformed messages.
    """

    def __init__(self, stream: str, seed: int, malformed: float) -> None:
        self._people = people(seed)
        self._shows = shows(seed, PLATFORMS[stream])
        self._watching: dict[int, int] = {}  # the show of each viewer
        self._malformed = malformed
        self._random = Random(f"{seed} {stream} events")
        self._spoiling = Random(f"{seed} {stream} malformed").random

    def next(self, now_s: float) -> Drawn:
        """Draw the next message, sent now and dated a little earlier."""
        random = self._random
        viewer, event = self._act(random)
        person, show = self._people[viewer], self._shows[self._watching[viewer]]
        if event in _ENDS:
            del self._watching[viewer]
        delay_s = random.uniform(*(_LATE_S if random.random() < _LATE else _PROMPT_S))
        data = b'{"show":%b,"event_date":"%b","user":%b}'
        message = Drawn(
            str(UUID(int=random.getrandbits(128), version=4)).encode(),
            event,
            data % (show, _local(now_s - delay_s, person.country), person.encoded),
        )
        return spoil(message, self._spoiling) if self._spoiling() < self._malformed else message

    def _act(self, random: Random) -> tuple[int, bytes]:
        """Return a viewer and their next event; the fewer are watching, the likelier one starts."""
        watching = self._watching
        if random.random() * _MOST_WATCHING >= len(watching):
            viewer = random.choice([viewer for viewer in range(len(self._people)) if viewer not in watching])
            watching[viewer] = random.randrange(SHOWS)
            return viewer, STARTED
        drawn = random.random()
        return random.choice([*watching]), next(event for event, up_to in _NEXT if drawn < up_to)


def _local(time_s: float, country: str | None) -> bytes:
    time_ms = int(time_s * 1000)
    return b"%b%03d" % (_local_second(time_ms // 1000, country), time_ms % 1000)


@lru_cache(maxsize=256)
def _local_second(time_s: int, country: str | None) -> bytes:
    """Return a second in the local time of a country, up to the point before its fraction."""
    return datetime.fromtimestamp(time_s, zone_of_country(country or "")).strftime("%d-%m-%Y %H:%M:%S.").encode()
