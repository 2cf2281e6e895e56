"""Rows of the page's tables: streams, users and shows of a report."""

from metrics.harvest.core.reports import ReportedEvent, UserReport
from metrics.harvest.core.run_report import StreamReport
from metrics.harvest.web.digest import Digest, ShowRow
from metrics.harvest.web.figures import NONE, size
from metrics.terminal.tables import cell
from metrics.web.glance import Thresholds
from metrics.web.tables import Order
from metrics.wording.text import escaped, numbered, percent, shortened

EVENTS = 50  # of a user, in the table
WHOLE = 1_000  # characters of a tooltip
OUTCOMES = {"read": "check_circle", "away": "cloud_off", "refused": "block", "ended": "stop_circle"}
BY_ID = Order("id")


def stream_row(stream: StreamReport, thresholds: Thresholds) -> dict[str, object]:
    """Return a stream as a row of the table.

    Args:
        thresholds: of the share of malformed frames, in percent.
    """
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(stream.malformed.items()))
    malformed = sum(stream.malformed.values())
    share = f" ({percent(malformed / stream.frames)})" if malformed else ""
    condition, _ = thresholds.verdict_of_share(malformed, stream.frames)
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
        "malformed": f"{malformed:,}{share}",
        "mark": condition.value if condition.is_grave else "",
        "look": condition.name.lower(),
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
