"""The command line: frames in, frames per second and unique users per minute out."""

import sys

if __name__ == "__main__":
    # Until a command runs, there is nothing to stop or to tell: a signal ends the process, not an import in its middle.
    try:
        import os
        import signal

        def end_at_once(number: int, _: object) -> None:
            """End with the exit code of a signal."""
            os._exit(128 + number)

        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored in the background of a script
            signal.signal(signal.SIGINT, end_at_once)
        signal.signal(signal.SIGTERM, end_at_once)
    except KeyboardInterrupt:
        sys.exit(130)

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec

import msgspec
import typer

from metrics import commands, frame_files, generator, standard_streams, terminal
from metrics import settings as environment
from metrics.commands import DATA, PROJECT
from metrics.errors import MetricsError, OutputClosedError
from metrics.kafka import local_broker
from metrics.recount.findings import MOST_DIFFERENCES
from metrics.terminal import say

# What a first run makes for itself: ten minutes of event time.
FRAMES, RATE, USERS = 60_000, 100.0, 5_000

P = ParamSpec("P")
app = typer.Typer(
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    epilog=environment.help_text(),
)


@contextmanager
def unwinding_on_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM unwind the stack while a command runs, so that what it started is stopped."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        if before[signal.SIGINT] != signal.SIG_IGN:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, _terminate)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def reporting(command: Callable[P, None]) -> Callable[P, None]:
    """Let a command that its user, the broker or Ctrl-C made fail end with a message and an exit code."""

    @functools.wraps(command)
    def reported(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            with unwinding_on_signals():
                command(*args, **kwargs)
        except MetricsError as error:
            terminal.fail(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            terminal.warn("stopped by Ctrl-C")
            raise typer.Exit(128 + signal.SIGINT) from None

    return reported


@app.callback(invoke_without_command=True)
@reporting
def count(
    context: typer.Context,
    *,
    verbose: Annotated[
        bool,
        typer.Option("--verbose/--no-verbose", help="Print each closed second and minute, and the execution metrics."),
    ] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end that the input has now, with every window closed.")
    ] = False,
    standby: Annotated[
        bool, typer.Option("--standby", help="Wait while another instance is active. Without it, take over at once.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on although saved state, or frames that it needs, are gone.")
    ] = False,
) -> None:
    """Count the frames of a Kafka topic: **frames per second** and **unique users per minute**.

    Runs until Ctrl-C; the next run goes on where this one stopped. Without BOOTSTRAP_SERVERS it starts a local Kafka,
    feeds it, and stops it at the end.

    Example: `BOOTSTRAP_SERVERS=localhost:9092 python app.py --verbose`
    """
    if context.invoked_subcommand is not None:
        return
    options = commands.JobOptions(verbose, until_end, standby, accept_loss)
    settings = environment.load()
    if settings.bootstrap_servers is not None:
        commands.run_job(settings, options)
        return
    folder = PROJECT / settings.local_broker_dir
    with local_broker.running(folder, say) as address, local_broker.blamed(folder):
        settings = msgspec.structs.replace(settings, bootstrap_servers=address)
        if frame_files.default_file(DATA) is None:
            frames = generator.frames(count=FRAMES, rate=RATE, users=USERS)
            commands.write_frames(DATA / frame_files.DEFAULT_NAME, frames, FRAMES)
        commands.create_topics(settings, partitions=1, replication_factor=1)
        with frame_files.reading(commands.default_file()) as file:
            commands.feed_once(settings, file)
        commands.run_job(settings, options, functools.partial(local_broker.require_alive, folder))


@app.command()
@reporting
def prepare_topics(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="Frames, one a line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst.",
            show_default="the one in data/",
        ),
    ] = None,
    *,
    partitions: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Partitions of the input topic, and of OUTPUT_STREAM.")
    ] = 1,
    replication_factor: Annotated[int, typer.Option(min=1, max=100, metavar="N", help="Replicas of all topics.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Feed even if the input topic holds frames.")] = False,
) -> None:
    """Create the topics that are missing, and feed FILE into the input topic.

    Example: `python app.py prepare-topics data/stream.jsonl --partitions 4`
    """
    with frame_files.reading(file or commands.default_file()) as frames, commands.broker_in_use() as settings:
        commands.create_topics(settings, partitions=partitions, replication_factor=replication_factor)
        feed = commands.feed_again if again else commands.feed_once
        feed(settings, frames)


@app.command()
@reporting
def generate(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst.")
    ],
    count: Annotated[int, typer.Option(metavar="N", help="How many frames.")] = FRAMES,
    rate: Annotated[float, typer.Option(metavar="R", help="Frames per second of event time, on average.")] = RATE,
    users: Annotated[int, typer.Option(metavar="N", help="How many users send them.")] = USERS,
    delay_s: Annotated[int, typer.Option(metavar="S", help="Largest delay of a frame, in seconds of event time.")] = 0,
    delay_probability: Annotated[float, typer.Option(metavar="P", help="Share of the frames that are delayed.")] = 0.02,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same file.")] = 0,
) -> None:
    """Write frames like the challenge's into FILE, about 2 KB each.

    Example: `python app.py generate data/stream.jsonl --count 1000000 --rate 1000 --users 100000 --delay-s 5`
    """
    frames = generator.frames(
        count=count, rate=rate, users=users, delay_s=delay_s, delay_probability=delay_probability, seed=seed
    )
    commands.write_frames(file, frames, count)


@app.command()
@reporting
def verify(
    *,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="First window to compare: 2016-07-11T13:39:00Z, or a number."),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Compare windows that end at or before it.")
    ] = None,
    most: Annotated[
        int, typer.Option("--rows", min=0, metavar="N", help="How many differences to list; all are counted.")
    ] = MOST_DIFFERENCES,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Count the input once more, plainly, and compare: exit code 0 if the outputs agree with it, 1 if they differ.

    Exit code 1, too, if no window could be compared, since the input no longer holds the frames of what was published;
    0 if none is published and none has to be. What is said last tells which.

    Reads only, so the job may be running.

    Example: `python app.py verify --from 2016-07-11T13:40:00Z --to 2016-07-11T13:45:00Z`
    """
    within = commands.range_of(start, end)
    with commands.broker_in_use() as settings:
        agrees = commands.verify(settings, within, most=most, as_json=as_json)
    if not agrees:
        raise typer.Exit(1)


@app.command()
@reporting
def accuracy(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Frames, one a line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst.")
    ],
    *,
    lateness_s: Annotated[
        str, typer.Option("--lateness-s", metavar="S,S,…", help="Allowed latenesses to compare, in seconds.")
    ] = "0,1,2,5,10,60,3600",
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Draw it, too: .svg, .png or .pdf.")
    ] = None,
) -> None:
    """Tell what each allowed lateness would miss of FILE, and how long it would let results wait.

    The truth is the count with unlimited lateness. The file is read once, as one partition; no Kafka is needed.

    Example: `python app.py accuracy data/stream.jsonl --lateness-s 0,5,60 --picture tradeoff.svg`
    """
    commands.show_accuracy(file, commands.latenesses_of(lateness_s), picture)


@app.command()
@reporting
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for machines.")] = False,
) -> None:
    """Tell how the consumer group stands, and why a window is open; from its committed offsets, disturbing nobody.

    Example: `python app.py status --json`
    """
    with commands.broker_in_use(terminal.note) as settings:
        show = commands.print_status_as_json if as_json else commands.print_status
        show(settings)


@app.command()
@reporting
def broker() -> None:
    """Run the local Kafka in the foreground, until Ctrl-C.

    Example: `python app.py broker`
    """
    settings = environment.load()
    folder = PROJECT / settings.local_broker_dir
    with local_broker.running(folder, say) as address:
        say(f"use it by: BOOTSTRAP_SERVERS={address} python app.py --verbose")
        with commands.stopping_on_signals() as stopping:
            while not stopping.wait(1):
                local_broker.require_alive(folder)


def _terminate(*_: object) -> NoReturn:
    """Let SIGTERM unwind the stack, so that what was started is stopped."""
    sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Run what the command line asks for."""
    standard_streams.take_over()
    try:
        app()
    except OutputClosedError as error:
        sys.exit(error.exit_code)  # only help is printed outside of a command, and its reader has seen enough
    except MetricsError as error:
        terminal.fail(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
