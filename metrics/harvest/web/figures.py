"""Progress and reports as text and numbers for the page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metrics.harvest.archive.runs import Listing
from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.run_report import RunHead, RunReport
from metrics.harvest.listening.progress import Progress, StreamProgress
from metrics.terminal.tables import cell
from metrics.web.cards import Figure
from metrics.web.glance import VERDICTS, Condition, State, Thresholds, worst
from metrics.wording.errors import MetricsError
from metrics.wording.text import listed, numbered, percent

NONE = "-"
STATES = {
    "connecting": ("hourglass_empty", "connecting"),
    "open": ("play_circle", "reading"),
    "waiting": ("autorenew", "away, retrying"),
    "refused": ("block", "refused"),
    "ended": ("stop_circle", "ended by the server"),
}
IDLE = ("hourglass_bottom", "connected, idle")
FIGURES = (
    "Events",
    "Malformed",
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


class Share(NamedTuple):
    """The malformed frames of a stream, and all that were taken from it."""

    platform: str
    malformed: int
    frames: int

    def verdict(self, thresholds: Thresholds) -> tuple[Condition, str]:
        """Return whether there are many, and the same in a word or two."""
        return thresholds.verdict_of_share(self.malformed, self.frames)


def source(endpoint: str | None) -> str:
    """Return the address of the streams that a run reads."""
    if endpoint is None:
        return "Runs read simulated streams on this machine. Set STREAM_ENDPOINT to read others."
    return f"Runs read the streams at {endpoint}"


def state(running: Progress | None, failure: MetricsError | None, runs: Listing, thresholds: Thresholds) -> State:
    """Return the state of the run in progress, else of the newest one.

    Args:
        failure: what left the last run of this server without a report.
        runs: that have a report.
        thresholds: of the share of malformed frames of a stream, in percent.
    """
    if running is not None:
        gone = [PLATFORMS[stream.stream] for stream in running.streams if stream.state in ("waiting", "refused")]
        away = [(Condition.WARNING, f"{listed(gone)} away or refused")] if gone else []
        shares = [Share(PLATFORMS[stream.stream], stream.malformed, stream.frames) for stream in running.streams]
        return State(Condition.GOOD, "Run in progress").but([*away, *_much_malformed(shares, thresholds)])
    if failure is not None:
        return State(Condition.BAD, "The last run failed")
    if runs.damage is not None:
        return State(Condition.BAD, "The newest report cannot be read")
    if not runs.heads:
        return State(Condition.UNKNOWN, "No runs yet")
    newest = runs.heads[0]
    state = State(Condition.GOOD, "The last run read all streams")
    if newest.missed:
        state = State(Condition.BAD, f"The last run missed {listed([stream.platform for stream in newest.missed])}")
    elif newest.stopped_by == "killed":
        state = State(Condition.WARNING, "The last run was killed")
    return state.but(_much_malformed(_shares(newest), thresholds))


def _shares(head: RunHead) -> list[Share]:
    return [Share(stream.platform, sum(stream.malformed.values()), stream.frames) for stream in head.streams]


def _much_malformed(shares: Sequence[Share], thresholds: Thresholds) -> Iterator[tuple[Condition, str]]:
    """Yield the worst condition of malformed frames, of a stream or of all, and of which streams there are many."""
    high = [one.platform for one in shares if one.verdict(thresholds)[0].is_grave]
    yield _worst(shares, thresholds), "many malformed frames" + (f" from {listed(high)}" if high else "")


def _worst(shares: Sequence[Share], thresholds: Thresholds) -> Condition:
    return worst(one.verdict(thresholds)[0] for one in (*shares, _of_all(shares)))


def _of_all(shares: Sequence[Share]) -> Share:
    return Share("", sum(one.malformed for one in shares), sum(one.frames for one in shares))


def figures(report: RunReport, thresholds: Thresholds) -> Iterator[Figure]:
    """Yield the figures of a report: those of FIGURES.

    Args:
        thresholds: of the share of malformed frames, in percent.
    """
    answers = report.reports
    repeated = sum(stream.repeated for stream in report.streams)
    events, malformed, users, recent, successful, started = FIGURES
    yield Figure(events, f"{report.events:,}", f"{numbered(repeated, 'repeated frame')} left out")
    yield _malformed(malformed, report, thresholds)
    several = sum(country.users for country in answers.platforms_by_country)
    yield Figure(users, f"{len(answers.users):,}", f"{several:,} started streams on several platforms")
    yield Figure(recent, f"{answers.recent_shows:,}", "the same show on two platforms counts twice")
    streams = sum(user.count for user in answers.successful_streams)
    of_users = f"{numbered(len(answers.successful_streams), 'user')} started and ended them with no event in between"
    of_users = of_users if streams else "no user started and ended a stream with no event in between"
    yield Figure(successful, f"{streams:,}", of_users)
    share = answers.started_share
    number = NONE if share is None else f"{share:.2f}%"
    meaning = "there were no Sytflix events" if share is None else "of all events of Sytflix"
    yield Figure(started, number, meaning)


def _malformed(name: str, report: RunReport, thresholds: Thresholds) -> Figure:
    reasons: Counter[str] = Counter()
    for stream in report.streams:
        reasons.update(stream.malformed)
    frames = sum(stream.frames for stream in report.streams)
    if not frames:
        return Figure(name, NONE, "there were no frames")
    parts = ", ".join(f"{number:,} {reason}" for reason, number in reasons.most_common(3))
    meaning = f"{reasons.total():,} of {numbered(frames, 'frame')}{': ' + parts if parts else ''}"
    meaning += ", …" if len(reasons) > 3 else ""
    condition, verdict = _of_all(_shares(report)).verdict(thresholds)
    worst_condition = _worst(_shares(report), thresholds)
    if worst_condition.is_grave:
        condition, verdict = worst_condition, VERDICTS[worst_condition]
    return Figure(name, percent(reasons.total() / frames), meaning, condition, verdict)


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


def stream_state(stream: StreamProgress) -> tuple[str, str]:
    """Return the icon and the text for a stream's state."""
    return IDLE if stream.state == "open" and stream.is_silent else STATES[stream.state]


def read(stream: StreamProgress) -> str:
    """Return counts of a stream other than its events, as text."""
    share = f" ({percent(stream.malformed / stream.frames)})" if stream.malformed else ""
    return f"{stream.malformed:,} malformed{share}, {stream.repeated:,} repeated, {size(stream.bytes)}"


def size(size_bytes: int) -> str:
    """Return a size in kB, or in MB if it is large."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1_000_000 else f"{size_bytes / 1e3:,.1f} kB"
