"""`views send`: sends files of events into the topic, or through the API."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics.files.line_reader import Lines
from metrics.files.paths import expanded
from metrics.terminal.console import as_started, name_of, note, say, shown, throughput, warn
from metrics.terminal.progress import bar
from metrics.terminal.tables import new_table, say_table
from metrics.views.commands.broker import use_topics
from metrics.views.commands.event_file import EVENT_FILE, SHOWN
from metrics.views.settings import ViewsSettings
from metrics.views.taking.sending import ApiSender, FileSender, SentFile, TopicSender
from metrics.views.taking.upload import SAFE
from metrics.wording.errors import DataRefusedError
from metrics.wording.text import in_line, numbered, rate

SHOWN_ERRORS = 5
HOW_TO_READ = as_started("to read them: docs/operations.md#rejected-lines (local broker: python app.py broker)")


def send(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|-",
            help="Events, one per line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; a folder of such files; - for "
            "standard input.",
            show_default=SHOWN,
        ),
    ] = None,
    *,
    to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send to the API of `views serve` there, with API_TOKEN if it is set."),
    ] = None,
) -> None:
    """Send view events into the topic; with `--to`, through the API.

    Either way each line is validated; wrong ones go to the dead letter topic, with the reasons. From a pipe, lines are
    sent as they arrive. A file without lines is only reported.

    After Ctrl-C or an outage, send the same files again: an event that comes twice counts once.

    Example: `python app.py views generate`, then `python app.py views send`
    """
    lines = Lines(expanded(files or [EVENT_FILE], "python app.py views generate"), 0)
    with _sender(to) as sender:
        _send(sender, lines)


@contextmanager
def _sender(to: str | None) -> Iterator[FileSender]:
    if to is not None:
        yield ApiSender(ViewsSettings.load(), to)
        return
    with use_topics(note) as settings:
        yield TopicSender(settings)


def _send(sender: FileSender, lines: Lines) -> None:
    """Send files one after another, up to the first that fails, and print what became of their lines.

    Raises:
        BrokerError, FileError, SettingsError: not everything was sent, or acknowledged.
        DataRefusedError: no line was a valid event.
    """
    started_s, done_bytes, read_bytes = monotonic(), 0, 0
    sent: list[tuple[Path, SentFile]] = []

    def label() -> str:
        return f"sending {name_of(lines)}: {throughput(read_bytes, monotonic() - started_s)}"

    def move(file_bytes: int) -> None:
        nonlocal read_bytes
        read_bytes = done_bytes + file_bytes
        show(read_bytes)

    try:
        with bar(label, lines.size_bytes) as show:
            for path in lines.paths:
                sent.append((path, sender.send(path, move)))
                if sent[-1][1].error is not None:
                    break
                done_bytes = read_bytes
    except (KeyboardInterrupt, SystemExit):
        warn(f"{shown(path)}: interrupted; {sender.so_far}; to be safe, {SAFE}")
        raise
    finally:
        if sent:
            _print(sent, monotonic() - started_s, sender.dead_letters)
    _, last = sent[-1]
    if last.error is not None:
        raise last.error
    if _errors(sent) and not any(each.taken.accepted for _, each in sent):
        raise DataRefusedError("no line is a view event", hint="see the errors above")


def _print(sent: Sequence[tuple[Path, SentFile]], seconds: float, dead_letters: str) -> None:
    taken = [each.taken for _, each in sent]
    accepted, rejected = sum(each.accepted for each in taken), sum(each.rejected for each in taken)
    for path, file in sent:
        if file.error is None and not file.taken.accepted + file.taken.rejected:
            warn(f"{shown(path)} has no lines")
    if not accepted + rejected:
        say("nothing was sent")
        return
    by_reason = Counter[str]()
    for each in taken:
        by_reason.update(each.by_reason)
    say(f"sent {rate(accepted + rejected, 'line', seconds)}")
    table = new_table("outcome", "lines", texts=["outcome"])
    table.add_row("accepted", f"{accepted:,}")
    table.add_row("rejected", f"{rejected:,}")
    for reason, count in by_reason.most_common():
        table.add_row(f"  {reason}", f"{count:,}")
    say_table(table)
    if errors := _errors(sent):
        say("")
        table = new_table("line", "error", texts=["line", "error"])
        for place, text in errors[:SHOWN_ERRORS]:
            table.add_row(place, in_line(text))
        say_table(table)
        if rejected > SHOWN_ERRORS:
            more = numbered(rejected - SHOWN_ERRORS, "more rejected line")
            say(f"and {more}, all in {dead_letters}")
            say(HOW_TO_READ)


def _errors(sent: Sequence[tuple[Path, SentFile]]) -> list[tuple[str, str]]:
    """Return where the first rejected lines are, and what is wrong with them."""
    many = len(sent) > 1
    return [
        (f"{shown(path)}:{at.line}" if many else f"{at.line}", "; ".join(at.error))
        for path, each in sent
        for at in each.taken.errors
    ]
