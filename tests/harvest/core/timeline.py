"""Events, drawn: `[a *b a]` is a user that starts the show a, likes b, and finishes a."""

import re
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

from msgspec import structs

from metrics.harvest.core.event import Event, Position
from metrics.harvest.core.reports import FigureCounts, Figures, Reports, RunEvents, report_users

START_MS = 1_701_875_096_339  # 2023-12-06 15:04:56.339 UTC, 16:04:56.339 in Amsterdam

_DRAWN = re.compile(r"(?P<user>\d*)(?P<begin>[*![]?)(?P<show>[a-zA-Z])(?P<end>[)\]]?)")
_NAMES = {
    "[": "stream-started",
    "]": "stream-finished",
    ")": "stream-ended",
    "*": "show-liked",
    "!": "stream-interrupted",
}


def event(**fields: Any) -> Event:
    """Return an event of user 1, with the given fields; the rest is empty."""
    texts = dict.fromkeys(Event.__struct_fields__[:24], "")
    known = {"user_id": "1", "first_name": "Ann", "show_id": "s1", "platform": "Sytflix", "event": "show-liked"}
    others = {"instant_ms": START_MS, "received_us": START_MS * 1000, "position": Position("sytflix", 1, 1)}
    return Event(**{**texts, **known, **others, **fields})


def reports(runs: Iterable[RunEvents]) -> Reports:
    """Return all answers from the events of runs, in memory."""
    counts = FigureCounts()
    users = [*report_users(sorted(counts.take(runs), key=attrgetter("user_id")))]
    figures = counts.figures()
    assert figures.users == len(users)
    return Reports(**structs.asdict(figures) | {"users": users})


def figures(runs: Iterable[RunEvents]) -> Figures:
    """Return all answers except the reports of users."""
    counts = FigureCounts()
    for _ in counts.take(runs):
        pass
    return counts.figures()


def drawn(text: str) -> list[RunEvents]:
    """Return the runs of a drawing: `[a` starts, `a]` finishes, `a)` ends, `*a` likes, `!a` interrupts the show a.

    A capital is the show with the same id on Sytazon; a number is the user, else 1; `|` is between two runs.
    """
    return [
        RunEvents(number * 60_000_000 + START_MS * 1000, [_event(mark) for mark in run.split()])
        for number, run in enumerate(text.split("|"))
    ]


def _event(mark: str) -> Event:
    found = _DRAWN.fullmatch(mark)
    assert found, f"{mark} is not in the notation"
    show = found["show"]
    return event(
        user_id=found["user"] or "1",
        event=_NAMES[found["begin"] or found["end"]],
        show_id=show.lower(),
        platform="Sytazon" if show.isupper() else "Sytflix",
    )
