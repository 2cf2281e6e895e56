"""The report of a run, as text for people."""

from collections.abc import Iterable

from rich.table import Table

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import report_lines
from metrics.harvest.core.reports import Figures, UserReport
from metrics.harvest.core.run_report import RunFigures, RunHead, StreamReport
from metrics.terminal.console import say, say_lines, shown
from metrics.terminal.tables import cell, new_table, say_folded, say_table
from metrics.wording.text import numbered

_STOPPED_BY = {
    "time": "time is up",
    "signal": "interrupted (Ctrl-C, SIGTERM or SIGHUP)",
    "no-stream": "no stream was left",
    "killed": "not by itself (killed, or an error such as a full disk)",
}


def say_run(report: RunFigures) -> None:
    """Print when and why a run stopped, how its streams went, and its figures."""
    stopped = f"run {report.run} stopped after {report.lasted_s:,.3f} s"
    if report.stopped_by == "name":
        say(f"{stopped}: {cell(report.name)} was seen {numbered(report.name_seen, 'time')}")
    else:
        say(f"{stopped}: {_STOPPED_BY[report.stopped_by]}")
        say(f"{cell(report.name)} was seen {report.name_seen:,} of {numbered(report.times, 'time')}")
    say_table(streams_table(report.streams))
    say_figures(report.reports)


def say_report_file(folders: Folders, run: str) -> None:
    """Print the report of a run as JSON, as in its file.

    Raises:
        FileError: it cannot be read.
    """
    say_lines(report_lines(folders, run))


def say_missed(streams: Iterable[StreamReport]) -> None:
    """Print which streams were away or refused when the run stopped, and why."""
    for stream in streams:
        say(f"{stream.stream} was {stream.outcome}: {stream.why}")


def streams_table(streams: Iterable[StreamReport]) -> Table:
    """Return the streams of a run as a table."""
    table = new_table(
        "stream", "listened", "connections", "events", "repeated", "malformed", "outcome", texts=("stream", "outcome")
    )
    for stream in streams:
        counts = (stream.connections, stream.events, stream.repeated, sum(stream.malformed.values()))
        table.add_row(stream.stream, f"{stream.listened_s:,.3f} s", *(f"{count:,}" for count in counts), stream.outcome)
    return table


def say_figures(figures: Figures) -> None:
    """Print the answers that are one figure each."""
    successful = sum(each.count for each in figures.successful_streams)
    share = "-" if figures.started_share is None else f"{figures.started_share:.3f} %"
    for what, figure in (
        ("users", f"{figures.users:,}"),
        ("shows released in 2020 or later", f"{figures.recent_shows:,}"),
        ("successful streams", f"{successful:,}"),
        ("users with successful streams", f"{len(figures.successful_streams):,}"),
        ("users who started streams on several platforms", f"{sum(x.users for x in figures.platforms_by_country):,}"),
        ("Sytflix events that start a stream", share),
    ):
        say(f"{what:<48}{figure:>9}")


def say_answers(figures: Figures, users: Iterable[UserReport]) -> None:
    """Print the answers that are tables."""
    say_folded(_users_table(figures, users))
    if figures.platforms_by_country:
        say("")
        table = new_table("country", "users who started streams on several platforms", texts=("country",))
        for country in figures.platforms_by_country:
            table.add_row(cell(country.country or "-"), f"{country.users:,}")
        say_table(table)


def _users_table(figures: Figures, users: Iterable[UserReport]) -> Table:
    successful = {each.user_id: each.count for each in figures.successful_streams}
    texts = ("name", "platforms", "last event")
    table = new_table("user", "name", "age", "events", "successful", "platforms", "last event", texts=texts)
    for user in users:
        age = "-" if user.age is None else str(user.age)
        counts = f"{len(user.events):,}", f"{successful.get(user.id, 0):,}"
        table.add_row(str(user.id), cell(user.name), age, *counts, _platforms(user), _last_event(user))
    return table


def _platforms(user: UserReport) -> str:
    return cell(", ".join(dict.fromkeys(event.platform for event in user.events)))


def _last_event(user: UserReport) -> str:
    last = user.events[-1]
    return f"{last.event_date} {cell(last.event)} {cell(last.title or last.show_id)}"


def say_files(folders: Folders, head: RunHead) -> None:
    """Print where the files of a run are."""
    say(f"report: {shown(folders.report_file(head.run))}")
    say(f"events: {shown(folders.processed_file(head.run))}")
    say(f"bytes:  {shown(folders.archive_run(head.run))}")
