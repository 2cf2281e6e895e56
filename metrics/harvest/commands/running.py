"""One run of harvest, from its command to its exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text

from metrics.cli.reporting import stopping_on_signals
from metrics.harvest.archive.finish import StoppedError
from metrics.harvest.archive.folders import Folders
from metrics.harvest.commands.summary import say_files, say_report_file, say_run
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.run_report import RunFigures, StreamReport
from metrics.harvest.listening.progress import Listener, Progress, StreamProgress
from metrics.harvest.listening.run import Rule, run_harvest
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.use_streams import use_streams
from metrics.terminal.console import err, note, out, say, warn
from metrics.terminal.live_line import LiveLine
from metrics.terminal.tables import cell
from metrics.wording.errors import StreamError
from metrics.wording.text import listed, numbered

_WHAT_FOLLOWS = "; the next harvest finishes this run"
_OF_USER = {
    401: "check STREAM_USER and STREAM_PASSWORD",
    403: "check that STREAM_USER may read the stream",
    407: "add a user to HTTP_PROXY or HTTPS_PROXY, as in http://user:password@host:port",
}
_STATES = {"connecting": "connecting", "waiting": "away", "refused": "refused", "ended": "ended"}


def run_once(*, seconds: float | None, name: str | None, times: int | None, is_json: bool) -> None:
    """Run a harvest, and print its report.

    Raises:
        StreamError: a stream was away or refused when the run stopped.
    """
    settings = HarvestSettings.load()
    rule = Rule(
        settings.harvest_seconds if seconds is None else seconds,
        settings.harvest_name if name is None else name,
        settings.harvest_times if times is None else times,
    )
    inform = note if is_json else say
    with (
        stopping_on_signals(_WHAT_FOLLOWS) as stopping,
        use_streams(settings, inform) as reached,
        _live_line(err if is_json else out) as show,
    ):
        try:
            report = run_harvest(reached, rule, stopping, _announcing(rule, inform, show))
        except StoppedError as error:
            warn(error.what)
            raise typer.Exit(stopping.exit_code) from None
    folders = Folders.of(settings.harvest_dir)
    if is_json:
        say_report_file(folders, report.run)
    else:
        say_run(report)
        say_files(folders, report)
    if stopping.signal is not None:
        raise typer.Exit(stopping.exit_code)
    _require_all(report, settings)


def _require_all(report: RunFigures, settings: HarvestSettings) -> None:
    """Check that no stream was away or refused when the run stopped.

    Raises:
        StreamError: at least one was.
    """
    match report.missed:
        case []:
            return
        case [stream]:
            what = f"{stream.stream} {stream.why}"
            why = f"it was {stream.outcome} when the run stopped; the report has all that was received"
        case missed:
            what = (
                f"{len(missed)} of {len(report.streams)} streams were away or refused when the run stopped; "
                "the report has all that was received"
            )
            why = "\n".join(f"{stream.stream} {stream.why}" for stream in missed)
    hints = dict.fromkeys(_hint(stream, settings.stream_endpoint) for stream in report.missed)
    raise StreamError(what, why=why, hint="\n".join(hints))


def _hint(stream: StreamReport, endpoint: str | None) -> str:
    """Return what to do about a stream that was away or refused; without an endpoint, it was a local one."""
    if endpoint is None:
        return "the run was too short for the local streams to answer: give it more time, such as --seconds 20"
    if stream.status in _OF_USER:
        return _OF_USER[stream.status]
    if stream.outcome == "refused":
        return f"check STREAM_ENDPOINT ({endpoint})"
    return f"check STREAM_ENDPOINT ({endpoint}) and the network"


def _announcing(rule: Rule, inform: Callable[[str], None], show: Listener) -> Listener:
    """Return a listener that first says what is read, once the run has begun, and then shows the progress."""
    has_begun = False

    def listen(progress: Progress) -> None:
        nonlocal has_begun
        if not has_begun:
            has_begun = True
            inform(
                f"reading {listed(STREAMS)} for {rule.seconds:g} s, "
                f"or until {cell(rule.name)} is seen {numbered(rule.times, 'time')}; Ctrl-C stops"
            )
        show(progress)

    return listen


@contextmanager
def _live_line(console: Console) -> Iterator[Listener]:
    """Yield a listener that shows the progress of a run in one line; without a terminal, it shows nothing."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with LiveLine(console) as live:
        yield lambda progress: live.show(_line(progress))


def _line(progress: Progress) -> Text:
    if progress.report_share is not None:
        return Text(f"writing the report: {progress.report_share:.0%}")
    line = Text()
    for stream in progress.streams:
        line.append(f"{stream.stream} ", "bold")
        line.append(*_state(stream))
        line.append("  ")
    line.append(
        f"{cell(progress.name)} {progress.name_seen:,} of {progress.times:,}  {progress.seconds_left:.0f} s left"
    )
    return line


def _state(stream: StreamProgress) -> tuple[str, str]:
    """Return the state of a stream as text, and its style."""
    if stream.state != "open":
        return _STATES[stream.state], "yellow"
    if stream.is_silent:
        return f"{stream.events:,} idle", "yellow"
    return f"{stream.events:,}" + (f" ({stream.malformed:,} malformed)" if stream.malformed else ""), ""
