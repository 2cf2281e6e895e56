"""The four figures at the top of the page, the line below them, and the state of the job at a glance."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metrics.frames.core.frame import Reason
from metrics.frames.live.recent_frames import Lately
from metrics.frames.live.view import Outage
from metrics.frames.results.read import Result
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND, Size
from metrics.frames.status.facts import Activity, ErrorEstimate, Status
from metrics.frames.web.hints import START
from metrics.time.moments import DAY_S, clock, day, time_of_day
from metrics.web import cards
from metrics.web.cards import Figure
from metrics.web.glance import Condition, State, Thresholds
from metrics.wording.text import duration, numbered, percent

UNKNOWN = "-"
HISTORY_S = 3_600  # event time this far behind wall time is not live traffic
MEAN_S = 60  # frames per second are averaged over a minute
NAMES = ("Frames per second", "Unique users per minute", "Lag", "Rejected")


class Shown(NamedTuple):
    """Facts that the figures are made from, all of one moment.

    Attributes:
        seconds: the one-second windows of the last MEAN_S, the oldest first.
        minutes: the newest two one-minute windows, the oldest first.
        added_at_s: wall time at which the newest window was read; None if it was there before.
        now: wall time, in seconds since the epoch.
    """

    status: Status | None
    lately: Lately | None
    seconds: Sequence[Result]
    minutes: Sequence[Result]
    added_at_s: float | None
    now: int


def four(shown: Shown, settings: Settings) -> Iterator[Figure]:
    """Yield the figures, in the order of NAMES."""
    stale_s, thresholds = _stale_s(shown), settings.stale_thresholds
    yield _aged(_frames_per_second(shown.seconds, shown.now), stale_s, thresholds)
    users = _unique_users(shown.minutes, shown.now)
    is_stale = stale_s is not None and stale_s >= thresholds.amber
    yield _aged(users, stale_s, thresholds) if is_stale else users._replace(is_old=_is_history(shown))
    yield _lag(shown.status, settings.lag_thresholds)
    yield _rejected(shown, settings.rejected_thresholds)


def newest(size: Size, result: Result | None, now: int) -> Figure:
    """Return the figure of the newest window of a size.

    Args:
        now: wall time, in seconds since the epoch.
    """
    if result is None:
        return Figure(size.title, UNKNOWN, "no closed windows yet")
    window = result.window
    number, noun = numbered(window.number, size.unit).split()
    between = f"from {clock(window.start, now)} to {clock(window.end, window.start)}"
    return Figure(size.title, number, f"{noun} {between}; average so far {window.average:,.1f}")


def state(status: Status | None, outage: Outage | None, now: int) -> State:
    """Return the state of the job and of the page's connection to the broker."""
    if outage is not None:
        return State(Condition.BAD, f"Outage since {clock(int(outage.since_s), now)} UTC")
    if status is None:
        return State(Condition.UNKNOWN, "Not known yet")
    ago = f"{duration(now - status.asked_at.timestamp)} ago"
    return {
        Activity.ACTIVE: State(Condition.GOOD, f"Running, seen {ago}"),
        Activity.STOPPED: State(Condition.IDLE, "Stopped"),
        Activity.SILENT: State(Condition.BAD, "No sign of life"),
        Activity.ON_FLINK: State(Condition.IDLE, "Handed over to Flink"),
        Activity.NEVER_RAN: State(Condition.UNKNOWN, "No job has run"),
    }[status.instance.activity]


def concerns(four: Sequence[Figure], status: Status | None) -> Iterator[tuple[Condition, str]]:
    """Yield what is not as it should be; users are as stale as frames, so they are left out."""
    if status is not None:
        if status.losses:
            yield Condition.BAD, "what a run needs is gone"
        if status.kept_open is not None:
            yield Condition.WARNING, "windows kept open for too long"
        if status.last_minute is not None and status.last_minute.is_wrong and _is_late(status.last_minute.error):
            yield Condition.WARNING, "many late frames in the last minute"
    yield from cards.concerns(figure for figure in four if figure.name != MINUTE.title)


def _is_late(error: ErrorEstimate) -> bool:
    """Return whether most of the wrong frames were late, which the share of rejected ones need not show."""
    return 2 * error.parts.get(Reason.LATE, 0) > error.frames


def times(status: Status | None) -> str:
    """Return the line about event time: how old it is, and up to where windows are closed."""
    if status is None:
        return ""
    parts = [f"The job is stopped; {START} continues it"] if status.instance.activity is Activity.STOPPED else []
    parts.append(_event_time(status))
    if status.closed_through is not None:
        closed, now = status.closed_through.timestamp, status.asked_at.timestamp
        parts.append(f"windows closed up to {clock(closed, now)} (allowed lateness {status.rules.lateness_s} s)")
    if status.frames.late:
        late = numbered(status.frames.late, "late frame")
        parts.append(f"{late} so far, of which {status.frames.late_in_minute:,} counted for their minute")
    return " · ".join(parts)


def _event_time(status: Status) -> str:
    now, event_time = status.asked_at.timestamp, status.event_time
    if event_time is None:
        return "No frames yet"
    newest = event_time.timestamp
    behind_s = now - newest
    date = "" if newest // DAY_S == now // DAY_S else f"{day(newest)} "
    history = " (not live traffic)" if behind_s >= HISTORY_S else ""
    distance = f"{duration(abs(behind_s))} {'behind' if behind_s > 0 else 'ahead of'}" if behind_s else "level with"
    return f"Event time {date}{time_of_day(newest)}, {distance} wall time{history}"


def _stale_s(shown: Shown) -> int | None:
    """Return for how long no new window has come; None if it is not known: history may have ended at any time."""
    if shown.added_at_s is not None:
        return shown.now - int(shown.added_at_s)
    if not shown.seconds or shown.now - shown.seconds[-1].window.end >= HISTORY_S:
        return None
    return shown.now - shown.seconds[-1].window.end


def _is_history(shown: Shown) -> bool:
    return bool(shown.minutes) and _stale_s(shown) is None


def _aged(figure: Figure, stale_s: int | None, thresholds: Thresholds) -> Figure:
    """Return a figure with how old it is, if that is known."""
    if stale_s is None:
        return figure._replace(is_old=figure.number != UNKNOWN)
    condition = thresholds.condition(stale_s)
    if condition is Condition.GOOD:
        return figure._replace(condition=condition, verdict="live")
    meaning = f"no new window for {duration(stale_s)}; {figure.meaning}"
    return figure._replace(condition=condition, verdict="stale", meaning=meaning, is_old=True)


def _frames_per_second(results: Sequence[Result], now: int) -> Figure:
    name = SECOND.title
    if not results:
        return Figure(name, UNKNOWN, "no closed windows yet")
    last = results[-1].window
    past = [result.window.number for result in results if result.window.end > last.end - MEAN_S]
    mean = sum(past) / len(past)
    over = f"mean of {duration(len(past))} to {clock(last.end, now)}"
    return Figure(name, f"{mean:,.1f}", f"{over}; {last.number:,} in the last second", past=past)


def _unique_users(results: Sequence[Result], now: int) -> Figure:
    name = MINUTE.title
    if not results:
        return Figure(name, UNKNOWN, "no closed windows yet")
    last = results[-1].window
    meaning = f"in the minute from {clock(last.start, now)}"
    if len(results) > 1 and results[-2].window.end == last.start:
        before = results[-2].window.number
        share = f" ({(last.number - before) / before:+.0%})" if before else ""
        meaning += f"; {last.number - before:+,}{share} on the one before"
    return Figure(name, f"{last.number:,}", meaning)


def _lag(status: Status | None, thresholds: Thresholds) -> Figure:
    if status is None:
        return Figure("Lag", UNKNOWN, "not known yet")
    if status.lag is None:
        return Figure("Lag", UNKNOWN, "the end of a partition is unknown")
    if status.lag == 0 and status.instance.activity is not Activity.ACTIVE:
        return Figure("Lag", "0", "all was read")  # no verdict: nobody reads what comes now
    if status.lag == 0:
        return Figure("Lag", "0", "caught up", *thresholds.verdict(0))
    return Figure("Lag", f"{status.lag:,}", "unread records, at most", *thresholds.verdict(status.lag))


def _rejected(shown: Shown, thresholds: Thresholds) -> Figure:
    name, status, lately = "Rejected", shown.status, shown.lately
    if status is None or lately is None:
        return Figure(name, UNKNOWN, "not known yet")
    if lately.share is None:
        frames = status.frames
        decided = frames.consumed - frames.held
        whole = f"; {frames.rejected:,} of {numbered(decided, 'frame')} so far" if decided else ""
        return Figure(name, UNKNOWN, f"no frames in the last {_since(lately, shown.now)}{whole}")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in lately.rejected.most_common())
    of = f"{lately.rejected.total():,} of {numbered(lately.frames, 'frame')} in {_since(lately, shown.now)}"
    meaning = f"{of}{': ' + reasons if reasons else ''}"
    verdict = thresholds.verdict_of_share(lately.rejected.total(), lately.frames)
    return Figure(name, percent(lately.share), meaning, *verdict)


def _since(lately: Lately, now: int) -> str:
    return duration(max(1, now - lately.since_s))
