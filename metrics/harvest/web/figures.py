"""Progress and reports as text and numbers for the page."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import structs

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.reports import ENDED, STARTED, ReportedEvent, UserReport
from metrics.harvest.core.run_report import RunHead, RunReport, StreamReport
from metrics.harvest.listening.progress import Progress, StreamProgress
from metrics.terminal.tables import cell
from metrics.text import escaped, listed, numbered, shortened
from metrics.web.cards import Figure
from metrics.web.tables import Order

NONE = "-"
OTHER = "other"
KINDS = {STARTED: "started", **dict.fromkeys(sorted(ENDED), "ended"), "show-liked": "liked"} | {
    "stream-interrupted": "interrupted"
}
SHOWS = 20
EVENTS = 50  # of a user, in the table
WHOLE = 1_000  # characters of a tooltip
STATES = {
    "connecting": ("hourglass_empty", "connecting"),
    "open": ("play_circle", "reading"),
    "waiting": ("autorenew", "away, retrying"),
    "refused": ("block", "refused"),
    "ended": ("stop_circle", "ended by the server"),
}
IDLE = ("hourglass_bottom", "connected, idle")
OUTCOMES = {"read": "check_circle", "away": "cloud_off", "refused": "block", "ended": "stop_circle"}
FIGURES = (
    "Events",
    "Users",
    "Shows released in 2020 or later",
    "Successful streams",
    "Sytflix events that start a stream",
)
STOPPED_BY = {
    "time": "time was up",
    "signal": "it was stopped",
    "no-stream": "no stream was left",
    "killed": "its process was killed or failed",
}


class ShowRow(NamedTuple):
    """A show, with the numbers of its events."""

    platform: str
    title: str
    events: int
    started: int
    liked: int


BY_ID = Order("id")


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


def source(endpoint: str | None) -> str:
    """Return the address of the streams that a run reads."""
    if endpoint is None:
        return "Runs read simulated streams on this machine. Set STREAM_ENDPOINT to read others."
    return f"Runs read the streams at {endpoint}"


def figures(report: RunReport) -> Iterator[Figure]:
    """Yield the figures of a report: those of FIGURES."""
    answers = report.reports
    malformed = sum(sum(stream.malformed.values()) for stream in report.streams)
    repeated = sum(stream.repeated for stream in report.streams)
    events, users, recent, successful, started = FIGURES
    yield Figure(events, f"{report.events:,}", f"{malformed:,} malformed and {repeated:,} repeated frames left out")
    several = sum(country.users for country in answers.platforms_by_country)
    yield Figure(users, f"{len(answers.users):,}", f"{several:,} started streams on several platforms")
    yield Figure(recent, f"{answers.recent_shows:,}", "the same show on two platforms counts twice")
    streams = sum(user.count for user in answers.successful_streams)
    of_users = f"{numbered(len(answers.successful_streams), 'user')} started and ended them with no event in between"
    of_users = of_users if streams else "no user started and ended a stream with no event in between"
    yield Figure(successful, f"{streams:,}", of_users)
    share = answers.started_share
    number = NONE if share is None else f"{share:.2f} %"
    meaning = "there were no Sytflix events" if share is None else "of all events of Sytflix"
    yield Figure(started, number, meaning)


def about(head: RunHead) -> str:
    """Return when a run started and stopped, why, and which streams it missed, in a sentence or two."""
    saw = f"it saw {cell(head.name)} {numbered(head.name_seen, 'time')}"
    stopped = saw if head.stopped_by == "name" else STOPPED_BY[head.stopped_by]
    text = f"Started {head.started}, and stopped after {head.lasted_s:,.1f} s because {stopped}."
    if head.missed:
        text += f" Away or refused when it stopped: {listed([stream.platform for stream in head.missed])}."
    return text


def choice(head: RunHead) -> str:
    """Return the label of a run in the choice of runs."""
    missed = "".join(f", {stream.platform} {stream.outcome}" for stream in head.missed)
    return f"{head.started[:19]}: {numbered(head.events, 'event')} in {head.lasted_s:,.1f} s{missed}"


def seen(progress: Progress) -> str:
    """Return the number of times the name was seen, as text."""
    return f"{cell(progress.name)} seen {min(progress.name_seen, progress.times):,} of {progress.times:,}"


def left(progress: Progress) -> str:
    """Return the seconds that are left, or how far the report is written."""
    if progress.report_share is not None:
        return f"writing the report: {progress.report_share:.0%}"
    return f"{progress.seconds_left:,.1f} s left"


def state(stream: StreamProgress) -> tuple[str, str]:
    """Return the icon and the text for a stream's state."""
    return IDLE if stream.state == "open" and stream.is_silent else STATES[stream.state]


def read(stream: StreamProgress) -> str:
    """Return counts of a stream other than its events, as text."""
    return f"{stream.malformed:,} malformed, {stream.repeated:,} repeated, {size(stream.bytes)}"


def size(size_bytes: int) -> str:
    """Return a size in kB, or in MB if it is large."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:,.1f} kB"


def stream_row(stream: StreamReport) -> dict[str, object]:
    """Return a stream as a row of the table."""
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(stream.malformed.items()))
    return {
        "stream": stream.stream,
        "platform": stream.platform,
        "outcome": stream.outcome,
        "icon": OUTCOMES[stream.outcome],
        "why": stream.why or "",
        "listened": f"{stream.listened_s:,.3f} s",
        "connections": f"{stream.connections:,}",
        "events": f"{stream.events:,}",
        "repeated": f"{stream.repeated:,}",
        "malformed": f"{sum(stream.malformed.values()):,}",
        "reasons": reasons,
        "bytes": size(stream.bytes),
    }


def user_row(user: UserReport, digested: Digest) -> dict[str, object]:
    """Return a user as a row of the table."""
    lines = [_line(event) for event in user.events[:EVENTS]]
    more = len(user.events) - len(lines)
    return {
        "id": f"{user.id}",  # the browser's numbers have 53 bits
        **_cut("name", user.name),
        "age": NONE if user.age is None else f"{user.age:,}",
        "events": f"{len(user.events):,}",
        "successful": f"{digested.successful.get(user.id, 0):,}",
        "lines": lines,
        "more": f"and {numbered(more, 'more event')}" if more else "",
    }


def show_row(show: ShowRow) -> dict[str, object]:
    """Return a show as a row of the table."""
    numbers = {"events": show.events, "started": show.started, "liked": show.liked}
    counts = {name: f"{number:,}" for name, number in numbers.items()}
    return {**_cut("title", show.title), **_cut("platform", show.platform), **counts}


def _line(event: ReportedEvent) -> dict[str, str]:
    texts = event.event, event.platform, event.title or event.show_id
    (kind, platform, title), whole = map(cell, texts), "\n".join(texts)
    return {"at": event.event_date, "text": f"{kind}, {platform}: {title}", "whole": shortened(whole, WHOLE)}


def _cut(name: str, text: str) -> dict[str, str]:
    """Return a text as a cell of limited length, and the whole text for its tooltip."""
    return {name: cell(text), f"whole_{name}": shortened(escaped(text), WHOLE)}


def matching(digested: Digest, words: str, order: Order) -> list[UserReport]:
    """Return the users whose id or name has the words in it, sorted by a column; ties are by id."""
    wanted = words.casefold().strip()
    users = [user for user in digested.report.reports.users if wanted in f"{user.id} {user.name}".casefold()]
    keys = {
        "id": lambda user: user.id,
        "name": lambda user: user.name.casefold(),
        "age": lambda user: -1 if user.age is None else user.age,
        "events": lambda user: len(user.events),
        "successful": lambda user: digested.successful.get(user.id, 0),
    }
    return sorted(users, key=keys.get(order.column, keys["id"]), reverse=order.is_descending)


def found(users: int, of: int) -> str:
    """Return the number of users listed, as text."""
    return (
        f"{numbered(of, 'user')}; click a name for the events"
        if users == of
        else f"{users:,} of {numbered(of, 'user')}"
    )
