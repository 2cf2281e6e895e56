"""`prepare-topics`: creates missing topics, and feeds a file."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics.cli.use_broker import use_broker
from metrics.files.line_reader import Lines
from metrics.files.paths import STANDARD_INPUT
from metrics.frames import topics_in_use
from metrics.frames.commands.feeding import send, small_enough, warned_if_late
from metrics.frames.commands.frame_files import ABOUT, default_file, frame_lines
from metrics.frames.commands.generate import FRAMES, RATE, USERS, require_generated_shape
from metrics.frames.producer import generator
from metrics.frames.producer.counted import Counted, counted
from metrics.frames.producer.resume import beginning
from metrics.frames.producer.send import Feed
from metrics.frames.producer.timestamps import WrittenTimes
from metrics.frames.settings import Settings
from metrics.kafka import topic_changes
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import most_records
from metrics.terminal.console import name_of, say, warn
from metrics.terminal.progress import bar
from metrics.wording.errors import SettingsError
from metrics.wording.text import numbered, pace, rate


def prepare_topics(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help=ABOUT, show_default="the one in data/"),
    ] = None,
    *,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            metavar="N",
            help="Partitions of the input topic and of OUTPUT_STREAM.",
            show_default="1",
        ),
    ] = None,
    replication_factor: Annotated[
        int | None,
        typer.Option(min=1, max=100, metavar="N", help="Replicas of all topics.", show_default="the broker's default"),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Feed even if the input topic has frames.")] = False,
    or_generate: Annotated[
        bool, typer.Option("--or-generate", help="If there is no FILE and none in data/, feed generated frames.")
    ] = False,
    no_feed: Annotated[bool, typer.Option("--no-feed", help="Only create the topics.")] = False,
) -> None:
    """Create missing topics, and feed FILE into the input topic.

    Example: `python app.py prepare-topics data/stream.jsonl --partitions 4`
    """
    given = {"--again": again, "--or-generate": or_generate, str(file): file is not None}
    for name in [name for name, is_given in given.items() if no_feed and is_given]:
        raise SettingsError(f"--no-feed and {name} contradict each other", hint="leave one of them out")
    is_generated = file is None and or_generate and default_file() is None
    lines = None if no_feed or is_generated else frame_lines([file] if file else [])
    with use_broker(Settings) as settings:
        replicas = replication_factor or topic_changes.BROKERS_DEFAULT
        there = create_topics(settings, partitions=partitions, replication_factor=replicas)
        if no_feed or not (again or is_empty(settings, there)):
            return
        if lines is None:
            _feed_generated(settings, there)
        else:
            feed_file(settings, lines, there, warn, counted(settings, there) if again else None)


def create_topics(settings: Settings, *, partitions: int | None, replication_factor: int) -> int:
    """Create missing topics, warn if the input topic has another number of partitions, and return that number."""
    admin = open_admin(settings)
    created = topics_in_use.create(admin, settings, partitions=partitions or 1, replication_factor=replication_factor)
    for name, is_new in created.items():
        say(f"topic {name}: {'created' if is_new else 'exists'}")
    existing = topics_in_use.input_partitions(admin, settings)
    if partitions is not None and existing != partitions:
        warn(
            f"topic {settings.input_topic} has {numbered(existing, 'partition')}, not {partitions}: it already existed"
        )
    return existing


def is_empty(settings: Settings, partitions: int) -> bool:
    """Return whether the input topic has no frames; print a line if it has some."""
    held = most_records(open_admin(settings), settings, settings.input_topic, partitions)
    if held:
        say(
            f"topic {settings.input_topic} already has up to {numbered(held, 'frame')}: nothing was fed "
            "(to continue an interrupted feed: python app.py feed FILE --resume; "
            "to feed all again: python app.py prepare-topics --again)"
        )
    return not held


def feed_file(
    settings: Settings, lines: Lines, partitions: int, report: Callable[[str], None], known: Counted | None = None
) -> None:
    """Feed a file into the input topic, empty or not.

    Args:
        report: called with a line if it is interrupted.
        known: how far the group has counted, to warn if the frames will be late.
    """
    feed = Feed(settings, beginning(partitions))
    name, paths = name_of(lines), lines.paths
    same = "the same files" if len(paths) > 1 else "-" if paths[0] == STANDARD_INPUT else name
    frames = warned_if_late(small_enough(lines), WrittenTimes(settings.shape()), settings.consumer_group_id, known)
    seconds = send(feed, lines, frames, f"python app.py feed {same} --resume", report)
    say(f"fed {name}: {(rate if lines.size_bytes is None else pace)(feed.sent, 'frame', seconds)}")


def _feed_generated(settings: Settings, partitions: int) -> None:
    """Feed the frames that `generate` would write, generated as they are sent."""
    require_generated_shape(settings)
    feed = Feed(settings, beginning(partitions))
    started_s = monotonic()
    with bar("feeding generated frames", FRAMES) as move:
        feed.run(generator.frames(count=FRAMES, rate=RATE, users=USERS), lambda: move(feed.sent))
    say(f"fed generated frames: {pace(feed.sent, 'frame', monotonic() - started_s)}")
