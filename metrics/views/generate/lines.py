"""Lines as they arrive: most of them events in the order of time; some come late, again, or wrong."""

import random
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate, pairwise

from metrics.time.moments import DAY_S, MINUTE_S
from metrics.views.core.event import MAX_TIMESTAMP, EventType
from metrics.views.generate.viewing import MAX_MEDIA, MAX_USERS, Draw, Sent, Viewing
from metrics.views.generate.wrong import damaged
from metrics.wording.errors import SettingsError

MAX_LINES = 10_000_000_000
_WRONG, _REPEATED, _LATE = 0.01, 0.03, 0.06
_HELD, _KEPT = 500, 20_000  # events that come late, lines that are sent again: those that are in memory
_LINES_OF_A_USER = 100  # a day
_MOST_DAYS = 30  # trends by minute go back one more
# Lines by hour of the day (UTC): few at night, most in the evening.
_DAY = (5, 3, 2, 1, 1, 2, 4, 6, 7, 7, 7, 8, 9, 9, 8, 9, 11, 14, 17, 20, 22, 20, 14, 9)


class Content:
    """The content of the lines so far.

    Attributes:
        events: valid events by type, each once.
        repeated: lines with an event that was in an earlier one.
        wrong: lines without a valid event.
        users: UserIds of the events.
        media: their MediaIds.
        first_s: their first second, once there is one.
        last_s: their last second.
    """

    def __init__(self) -> None:
        self.events: Counter[EventType] = Counter()
        self.repeated = 0
        self.wrong = 0
        self.users: set[int] = set()
        self.media: set[int] = set()
        self.first_s = MAX_TIMESTAMP
        self.last_s = 0

    def add(self, sent: Sent) -> None:
        """Count a line with an event."""
        self.events[sent.event_type] += 1
        self.users.add(sent.user_id)
        self.media.add(sent.media_id)
        if sent.timestamp < self.first_s:
            self.first_s = sent.timestamp
        if sent.timestamp > self.last_s:
            self.last_s = sent.timestamp


def lines(content: Content, *, count: int, media: int, users: int, seed: int, end_s: int) -> Iterator[bytes]:
    """Return lines, which are counted in `content` one by one; equal arguments give equal lines.

    Two files with different seeds or ends have no EventId in common.

    Args:
        end_s: the second in which the last session begins; no event is later.

    Raises:
        SettingsError: an argument is not allowed; names every one that is not.
    """
    _require_allowed(count, media, users, seed, end_s)
    draw = random.Random(seed).random
    viewing = Viewing(media=media, users=users, series=seed * MAX_TIMESTAMP + end_s, draw=draw)
    return _mixed(content, viewing, _times(count, users, end_s), draw)


def _require_allowed(count: int, media: int, users: int, seed: int, end_s: int) -> None:
    allowed = (("count", count, MAX_LINES), ("media", media, MAX_MEDIA), ("users", users, MAX_USERS))
    wrong = [
        f"--{option} {value}: must be a whole number, 1 to {most:,}"
        for option, value, most in allowed
        if not 1 <= value <= most
    ]
    if seed < 0:
        wrong.append(f"--seed {seed}: must be a whole number, 0 or more")
    if not _MOST_DAYS * DAY_S <= end_s <= MAX_TIMESTAMP:
        wrong.append("--end: must be a time in February 1970 or later, and before the last two days of 9999")
    if wrong:
        raise SettingsError("the events cannot be generated", why="\n".join(wrong), hint="correct the options")


def _times(count: int, users: int, end_s: int) -> Iterator[int]:
    """Yield the second in which each line is sent, in ascending order: more lines in the evening than at night."""
    days = min(max(count / (_LINES_OF_A_USER * users), 1 / 24), _MOST_DAYS)
    minutes = round(days * DAY_S / MINUTE_S)
    start_s = end_s - minutes * MINUTE_S
    busy = list(accumulate((_busy(start_s + minute * MINUTE_S) for minute in range(minutes)), initial=0.0))
    before = [round(count * part / busy[-1]) for part in busy]
    for minute, (first, after) in enumerate(pairwise(before)):
        minute_s = start_s + minute * MINUTE_S
        for line in range(after - first):
            yield minute_s + MINUTE_S * (line + 1) // (after - first)


def _busy(second: int) -> float:
    """Return the number of lines about a second, in relation to other seconds."""
    hour, within_s = divmod(second % DAY_S, 3_600)
    return _DAY[hour] + (_DAY[(hour + 1) % 24] - _DAY[hour]) * within_s / 3_600


def _mixed(content: Content, viewing: Viewing, times: Iterator[int], draw: Draw) -> Iterator[bytes]:
    kept: list[bytes] = []
    held: list[Sent] = []
    for second in times:
        chance = draw()
        if chance < _WRONG:
            content.wrong += 1
            yield damaged(viewing.event_at(second).line, draw)
        elif chance < _REPEATED and kept:
            content.repeated += 1
            # Half of them at once, by a player that missed the answer.
            yield kept[-1 if chance < (_WRONG + _REPEATED) / 2 else int(draw() * len(kept))]
        else:
            sent = viewing.event_at(second)
            if chance < _LATE:
                if len(held) == _HELD:
                    place = int(draw() * _HELD)
                    sent, held[place] = held[place], sent
                else:
                    held.append(sent)
                    sent = viewing.event_at(second)
            content.add(sent)
            if len(kept) == _KEPT:
                kept[int(draw() * _KEPT)] = kept[-1]
                kept[-1] = sent.line
            else:
                kept.append(sent.line)
            yield sent.line
