"""`prepare-topics`: the topics that are missing are created, and a file is fed."""

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics import frame_files
from metrics.commands.broker_in_use import broker_in_use, default_file
from metrics.kafka import feed, topics
from metrics.kafka.clients import open_admin
from metrics.kafka.extents import extents
from metrics.settings import Settings
from metrics.terminal import bar, numbered, pace, say, shown, warn


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
    with frame_files.reading(file or default_file()) as frames, broker_in_use() as settings:
        create_topics(settings, partitions=partitions, replication_factor=replication_factor)
        feed_file = feed_again if again else feed_once
        feed_file(settings, frames)


def create_topics(settings: Settings, *, partitions: int, replication_factor: int) -> None:
    """Create the topics that are missing."""
    admin = open_admin(settings)
    created = topics.create_missing(admin, settings, partitions=partitions, replication_factor=replication_factor)
    for name, is_new in created.items():
        say(f"topic {name}: {'created' if is_new else 'is there'}")
    existing = topics.input_partitions(admin, settings)
    if existing != partitions:
        warn(
            f"topic {settings.input_topic} has {numbered(existing, 'partition')}, not {partitions}: it was there before"
        )


def feed_once(settings: Settings, frames: frame_files.FrameReader) -> None:
    """Feed a file into the input topic, unless that holds frames already."""
    admin = open_admin(settings)
    partitions = topics.input_partitions(admin, settings)
    held = sum(high - low for low, high in extents(admin, settings.input_topic, partitions).values())
    if held:
        say(
            f"topic {settings.input_topic} holds {numbered(held, 'frame')} already: nothing is fed "
            "(python app.py prepare-topics --again would)"
        )
    else:
        feed_again(settings, frames)


def feed_again(settings: Settings, frames: frame_files.FrameReader) -> None:
    """Feed a file into the input topic."""
    partitions = topics.input_partitions(open_admin(settings), settings)
    started_s = monotonic()
    try:
        with bar(f"feeding {frames.path.name}", frames.size_bytes) as move:
            fed = feed.feed(settings, frames, partitions, lambda _: move(frames.read_bytes))
    except BaseException:
        warn(
            f"only a part of {frames.path} is fed; "
            "python app.py prepare-topics --again feeds the whole of it, after that part"
        )
        raise
    say(f"fed {shown(frames.path)}: {pace(fed, monotonic() - started_s)}")
