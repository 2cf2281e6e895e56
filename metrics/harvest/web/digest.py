"""Digests of reports: the numbers that the page shows, computed once for all open pages."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.reports import ENDED, STARTED
from metrics.harvest.core.run_report import RunReport

OTHER = "other"
KINDS = {STARTED: "started", **dict.fromkeys(sorted(ENDED), "ended"), "show-liked": "liked"} | {
    "stream-interrupted": "interrupted"
}
SHOWS = 20


class ShowRow(NamedTuple):
    """A show, with the numbers of its events."""

    platform: str
    title: str
    events: int
    started: int
    liked: int


class Digest(NamedTuple):
    """The numbers of a report that the page shows.

    Attributes:
        kinds: number of events by platform, then by kind.
        shows: the ones with the most events.
        successful: number of successful streams by user.
    """

    report: RunReport
    kinds: Mapping[str, Mapping[str, int]]
    shows: Sequence[ShowRow]
    successful: Mapping[int, int]


def digest(report: RunReport) -> Digest:
    """Return the numbers of a report that the page shows, and its users, all decoded."""
    users = [*report.reports.users]
    kinds: dict[str, Counter[str]] = {platform: Counter() for platform in PLATFORMS.values()}
    shows: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    titles: dict[tuple[str, str], str] = {}
    for event in (event for user in users for event in user.events):
        kind, show = KINDS.get(event.event, OTHER), (event.platform, event.show_id)
        kinds.setdefault(event.platform, Counter())[kind] += 1
        shows[show][kind] += 1
        titles[show] = event.title or titles.get(show) or f"({event.show_id})"
    most = sorted(shows, key=lambda show: (-shows[show].total(), titles[show], show))[:SHOWS]
    rows = [
        ShowRow(show[0], titles[show], shows[show].total(), shows[show]["started"], shows[show]["liked"])
        for show in most
    ]
    report = structs.replace(report, reports=structs.replace(report.reports, users=users))
    return Digest(report, kinds, rows, {each.user_id: each.count for each in report.reports.successful_streams})
