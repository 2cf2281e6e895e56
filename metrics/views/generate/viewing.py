"""Viewing of media items: each session sends a start, waypoints 30 s apart, and mostly a stop or an end.

As with the other generators, the bytes are equal on every Python and machine: the only source of randomness is
`random()` of a generator seeded with an int.
"""

import heapq
from bisect import bisect
from collections.abc import Callable
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from metrics.time.moments import MINUTE_S, rfc3339
from metrics.views.core.event import WAYPOINT_S, EventType

Draw = Callable[[], float]  # the next number of a sequence, 0 <= number < 1

MAX_MEDIA, MAX_USERS = 1_000_000, 10_000_000

# Neighbours in the order of popularity have different genres, and so do users.
_GENRES = 8
_OWN_GENRE = 0.8
_SHORTEST, _LENGTHS = 4, 57  # in waypoints: 2 to 30 minutes
_ENDED, _STOPPED = 0.5, 0.9  # the other players are gone without a word
# One id of this many needs more than the 53 bits of a double.
_LARGE_ID = 50
_DEVICES = (
    '"Player":"web/4.2.1","Device":{"Os":"Windows","Tv":false}}',
    '"Player":"web/4.2.1","Device":{"Os":"macOS","Tv":false},"Referrer":"https://example.org/mediathek?q=f%C3%BCr"}',
    '"Player":"android/11.0","Device":{"Os":"Android","Tv":false,"Battery":0.47}}',
    '"Player":"ios/8.3","Device":{"Os":"iOS","Tv":false},"Title":"Die Sendung für Käuze 🦉"}',
    '"Player":"tv/2.0","Device":{"Os":"Tizen","Tv":true},"Subtitles":["de","en"],"Household":null}',
)
_ID_BITS = 128
_SCATTER = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd, so each number has a different id


class Sent(NamedTuple):
    """A valid event, and its line."""

    line: bytes
    event_type: EventType
    media_id: int
    user_id: int
    timestamp: int


class _Session(NamedTuple):
    """A session of a user with an item.

    Attributes:
        ids: MediaId and UserId as members.
        device: the last members, and the end of the object.
        last: how it ends; None if it sends no such event.
    """

    media_id: int
    user_id: int
    ids: str
    device: str
    last: EventType | None


class Viewing:
    """The sessions of all users.

    Args:
        media: number of items.
        users: number of users.
        series: of EventIds: two with different numbers have none in common.
        draw: source of random numbers.
    """

    def __init__(self, *, media: int, users: int, series: int, draw: Draw) -> None:
        self._media = media
        self._users = users
        self._draw = draw
        # By Zipf's law, as for words: the item of rank r is chosen in proportion to 1 / r.
        self._popularity = list(accumulate(1 / rank for rank in range(1, media + 1)))
        self._due: list[tuple[int, int, int, _Session]] = []  # second, number for ties, waypoints left
        self._number = 0
        self._series = series * _SCATTER**2

    def event_at(self, second: int) -> Sent:
        """Return the next event that is due; if there is none, the start of a new session at this second."""
        self._number += 1
        if not self._due or self._due[0][0] > second:
            session, waypoints = self._begun()
            self._schedule(second, waypoints, session)
            return self._sent(session, "streamstart", second)
        due_s, _, waypoints, session = heapq.heappop(self._due)
        if waypoints:
            self._schedule(due_s, waypoints - 1, session)
            return self._sent(session, "waypoint", due_s)
        assert session.last is not None, "a session without a last event is not due again"
        return self._sent(session, session.last, due_s)

    def _begun(self) -> tuple[_Session, int]:
        """Return a new session, and the number of its waypoints."""
        draw = self._draw
        user = int(self._users * draw() * draw())  # some watch much more than others
        rank = bisect(self._popularity, draw() * self._popularity[-1])
        if draw() < _OWN_GENRE:
            rank = min(rank - rank % _GENRES + user % _GENRES, self._media - 1)
        length = _SHORTEST + rank * 37 % _LENGTHS
        outcome, share = draw(), draw()
        last: EventType | None = "streamend" if outcome < _ENDED else "streamstop" if outcome < _STOPPED else None
        waypoints = length if outcome < _ENDED else int(share * length)
        media_id, user_id = _id(rank), _id(user)
        device = _DEVICES[int(draw() * len(_DEVICES))]
        return _Session(media_id, user_id, f'"MediaId":{media_id},"UserId":{user_id}', device, last), waypoints

    def _schedule(self, second: int, waypoints: int, session: _Session) -> None:
        """Schedule what a session sends after an event: a waypoint if any is left, else its last event, if any."""
        if waypoints:
            heapq.heappush(self._due, (second + WAYPOINT_S, self._number, waypoints, session))
        elif session.last is not None:
            after_s = 1 + int(self._draw() * (WAYPOINT_S - 1))
            heapq.heappush(self._due, (second + after_s, self._number, 0, session))

    def _sent(self, session: _Session, event_type: EventType, second: int) -> Sent:
        digits = f"{(self._series + self._number * _SCATTER) % 2**_ID_BITS:032x}"
        event_id = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        time = f"{_minute(second // MINUTE_S)}{second % MINUTE_S:02}Z"
        line = (
            f'{{"EventId":"{event_id}",{session.ids},"Timestamp":{second},"DateTime":"{time}",'
            f'"EventType":"{event_type}",{session.device}'
        )
        return Sent(line.encode(), event_type, session.media_id, session.user_id, second)


def _id(number: int) -> int:
    return number + 1 if (number + 1) % _LARGE_ID else 2**53 + number + 1


@lru_cache(maxsize=4_096)
def _minute(minute: int) -> str:
    """Return the start of a minute, without its seconds: `2016-07-11T13:39:`."""
    return rfc3339(minute * MINUTE_S).removesuffix("00Z")
