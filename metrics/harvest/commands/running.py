"""One run of harvest, from its command to its exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from metrics.cli.reporting import stopping_on_signals
from metrics.errors import StreamError
from metrics.harvest.archive.finish import StoppedError
from metrics.harvest.archive.folders import Folders
from metrics.harvest.commands.summary import say_files, say_run
from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.run_report import RunReport
from metrics.harvest.listening.progress import Progress, StreamProgress
from metrics.harvest.listening.run import Rule, run_harvest
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.use_streams import use_streams
from metrics.terminal.console import err, note, out, say, say_lines, warn
from metrics.text import listed, numbered

_WHAT_FOLLOWS = "; the next harvest finishes this run"
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
    with stopping_on_signals(_WHAT_FOLLOWS) as stopping, use_streams(settings, inform) as reached:
        inform(
            f"reading {listed(STREAMS)} for {rule.seconds:g} s, "
            f"or until {rule.name} is seen {numbered(rule.times, 'time')}; Ctrl-C stops"
        )
        with _live_line(err if is_json else out) as show:
            try:
                report = run_harvest(reached, rule, stopping, show)
            except StoppedError as error:
                warn(error.what)
                raise typer.Exit(stopping.exit_code) from None
    if is_json:
        say_lines([msgspec.json.encode(report).decode()])
    else:
        say_run(report)
        say_files(Folders.of(settings.harvest_dir), report)
    if stopping.signal is not None:
        raise typer.Exit(stopping.exit_code)
    _require_all(report, settings)


def _require_all(report: RunReport, settings: HarvestSettings) -> None:
    """Check that no stream was away or refused when the run stopped.

    Raises:
        StreamError: at least one was.
    """
    if not report.missed:
        return
    whys = [f"{stream.stream}: {stream.why}" for stream in report.missed]
    if settings.stream_endpoint is None:
        hint = "the run was too short for the local streams to answer: give it more time, such as --seconds 20"
    else:
        hint = f"check STREAM_ENDPOINT ({settings.stream_endpoint}), STREAM_USER and STREAM_PASSWORD"
    raise StreamError(
        f"{len(whys)} of {len(report.streams)} streams {'was' if len(whys) == 1 else 'were'} away or refused "
        "when the run stopped; the report has all that was received",
        why="\n".join(whys),
        hint=hint,
    )


@contextmanager
def _live_line(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Yield a listener that shows the progress of a run in one line; without a terminal, it shows nothing."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with Live(console=console, transient=True, auto_refresh=False) as live:
        yield lambda progress: live.update(_line(progress, console.width), refresh=True)


def _line(progress: Progress, width: int) -> Text:
    if progress.report_share is not None:
        return Text(f"writing the report: {progress.report_share:.0%}")
    line = Text(no_wrap=True, overflow="ellipsis")
    for stream in progress.streams:
        line.append(f"{stream.stream} ", "bold")
        line.append(*_state(stream))
        line.append("  ")
    line.append(f"{progress.name} {progress.name_seen:,} of {progress.times:,}  {progress.seconds_left:.0f} s left")
    line.truncate(width)
    return line


def _state(stream: StreamProgress) -> tuple[str, str]:
    """Return the state of a stream as text, and its style."""
    if stream.state != "open":
        return _STATES[stream.state], "yellow"
    if stream.is_silent:
        return f"{stream.events:,} idle", "yellow"
    return f"{stream.events:,}" + (f" ({stream.malformed:,} malformed)" if stream.malformed else ""), ""
