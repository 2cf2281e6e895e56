"""How taking and counting go, in figures and sentences of the page."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from metrics.terminal.console import as_started
from metrics.time.moments import clock
from metrics.views.web.figures import Listed
from metrics.views.web.recent import Counting
from metrics.views.web.status import Status
from metrics.web.cards import Figure
from metrics.web.glance import Condition, State, Thresholds
from metrics.web.settings import WebSettings
from metrics.wording.text import duration, numbered, per_second, percent

UNKNOWN, NOT_KNOWN = "-", "not known at present"
FIGURES = ("Taking rate", "Rejected", "Counted", "Uncounted", "Duplicates", "Users")
COUNT = as_started("python app.py views count")


class Warned(NamedTuple):
    """A warning with a line about it; none if `what` is empty."""

    what: str
    more: str


def figures(counting: Counting | None, now: int, settings: WebSettings) -> Iterator[Figure]:
    """Yield the figures: those of FIGURES.

    Args:
        counting: None if it is not known yet.
        now: wall time, in seconds since the epoch.
        settings: with the thresholds.
    """
    if counting is None:
        yield from (Figure(name, UNKNOWN, "not known yet") for name in FIGURES)
        return
    status = counting.status
    taken, rejected, counted, lag, duplicates, users = FIGURES
    yield Figure(taken, *_taken(counting, now))
    yield _rejected(rejected, counting, settings.rejected_thresholds, now)
    yield Figure(counted, f"{status.counted:,}", _counting_rate(status))
    yield _lag(lag, counting, settings.lag_thresholds)
    yield Figure(duplicates, f"{status.duplicates:,}", _duplicates(status))
    yield Figure(users, f"{status.users:,}", "with a counted event")


def _taken(counting: Counting, now: int) -> tuple[str, str]:
    taking = counting.status.taking
    if taking is None:
        return UNKNOWN, "this server takes no events"
    rate = UNKNOWN if counting.lines_per_s is None else f"{counting.lines_per_s:,.0f}/s"
    uploads = f"; {numbered(taking.uploads_open, 'upload')} in progress" if taking.uploads_open else ""
    none = "none " if counting.lines_per_s == 0 else ""
    return rate, f"{none}at present; {numbered(taking.lines, 'line')} since {_clock(taking.since, now)} UTC{uploads}"


def _rejected(name: str, counting: Counting, thresholds: Thresholds, now: int) -> Figure:
    """Return the share of the last minutes with what it means; without lines lately, that since the start alone."""
    status, lately = counting.status, counting.lately
    in_all = None if status.rejected_in_topic is None else f"{status.rejected_in_topic:,}"
    in_topic = f"{in_all} in the dead letter topic" if in_all else ""
    taking = status.taking
    if taking is None:
        return Figure(name, in_all or UNKNOWN, "lines in the dead letter topic" if in_all else NOT_KNOWN)
    if not taking.lines:
        return Figure(name, UNKNOWN, "; ".join(filter(None, ("this server took no lines yet", in_topic))))
    since = f"{taking.rejected:,} of {numbered(taking.lines, 'line')} since {_clock(taking.since, now)} UTC"
    if lately is None or not lately.lines:
        return Figure(name, percent(taking.rejected / taking.lines), "; ".join(filter(None, (since, in_topic))))
    recent = f"{lately.rejected:,} of {numbered(lately.lines, 'line')} in {duration(max(1, lately.seconds))}"
    verdict = thresholds.verdict_of_share(lately.rejected, lately.lines)
    meaning = "; ".join(filter(None, (recent, since, in_topic)))
    return Figure(name, percent(lately.rejected / lately.lines), meaning, *verdict)


def _counting_rate(status: Status) -> str:
    if status.rates is None:
        return "events"
    return f"events; {per_second(round(status.rates.counted), 'event', 1)} lately"


def _lag(name: str, counting: Counting, thresholds: Thresholds) -> Figure:
    status = counting.status
    if status.lag is None:
        return Figure(name, UNKNOWN, NOT_KNOWN)
    if status.lag == 0:
        return Figure(name, "0", "every record of the topic was read", *thresholds.verdict(0))
    rate = counting.records_per_s or 0
    left = f"; about {duration(max(1, round(status.lag / rate)))}" if rate >= 1 else ""
    return Figure(name, f"{status.lag:,}", f"records of the topic{left}", *thresholds.verdict(status.lag))


def _duplicates(status: Status) -> str:
    share = f"{status.duplicates / status.read:.2%} of the records" if status.read else "repeated EventIds"
    invalid = f"; {numbered(status.invalid, 'record')} invalid" if status.invalid else ""
    return f"{share}{invalid}"


def state(status: Status, now: int) -> State:
    """Return the state of the job.

    Args:
        now: wall time, in seconds since the epoch.
    """
    job = status.job
    last = "" if job.last_commit is None else f"; last commit {_clock(job.last_commit, now)} UTC"
    if job.is_active:
        return State(Condition.GOOD, f"The job is active{last}")
    if job.is_active is None:
        return State(Condition.UNKNOWN, f"The job may be active: {job.why}")
    return State(Condition.WARNING, f"No job is active: {job.why}{last}")


def unknown_since(second: int, now: int) -> State:
    """Return the state of a job of which nothing was read since then.

    Args:
        second, now: wall times, in seconds since the epoch.
    """
    return State(Condition.UNKNOWN, f"Nothing is known of the job since {clock(second, now)} UTC")


def warning(status: Status) -> Warned:
    """Return what keeps events from being counted, or is not known."""
    if status.lag is None:
        return Warned("The number of uncounted records is unknown.", status.unknown["lag"])
    if status.job.is_active is False and status.lag:
        verb = "is" if status.lag == 1 else "are"
        what = f"{numbered(status.lag, 'record')} {verb} not counted yet, and no job is active."
        return Warned(what, f"Start one: {COUNT}")
    return Warned("", "")


def reasons(status: Status, now: int) -> Listed:
    """Return the rejected lines by reason, the most frequent one first.

    Args:
        now: wall time, in seconds since the epoch.
    """
    taking = status.taking
    if taking is None:
        return Listed("This server takes no events.", ())
    since = f"since {_clock(taking.since, now)} UTC"
    if not taking.by_reason:
        return Listed(f"This server has rejected no lines {since}.", ())
    of_reason: Mapping[str, int] = taking.by_reason
    most = max(of_reason.values())
    rows: Sequence[Mapping[str, object]] = [
        {"id": reason, "lines": f"{lines:,}", "share": f"{100 * lines / most:.1f}%"}
        for reason, lines in sorted(of_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return Listed(f"By this server {since}; a line may have several reasons.", rows)


def _clock(time: str, now: int) -> str:
    return clock(int(datetime.fromisoformat(time).timestamp()), now)
