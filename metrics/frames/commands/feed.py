"""`feed`: frames are sent to the input topic, at a pace if one is given, and on from where a feed was broken off."""

from math import inf
from pathlib import Path
from time import time
from typing import Annotated

import typer

from metrics.cli.broker_in_use import broker_in_use, default_file
from metrics.errors import SettingsError
from metrics.files.line_reader import Lines
from metrics.files.paths import expanded
from metrics.frames import topics_in_use
from metrics.frames.commands.feeding import send, small_enough, warned_if_late
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.producer.counted import counted
from metrics.frames.producer.pacing import EvenPace, OwnPace, Pace
from metrics.frames.producer.resume import Place, beginning, find_place
from metrics.frames.producer.send import Feed
from metrics.frames.producer.timestamps import Shift
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import most_records
from metrics.terminal.console import name_of, note, say, throughput
from metrics.text import numbered, pace
from metrics.text import rate as rate_of


def feed(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE|-",
            help="Frames, one a line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; a folder of such files, "
            "or - for standard input.",
            show_default="the one in data/",
        ),
    ] = None,
    *,
    rate: Annotated[float | None, typer.Option(metavar="N", help="Send N frames per second, evenly.")] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Send each frame when its ts says, counted from the first one's.")
    ] = False,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="With --realtime, X times as fast: 60 is an hour a minute.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Move every ts by as much, so that the first frame happens now.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the last, interrupted feed into the topic.")
    ] = False,
) -> None:
    """Send frames to the (existing) input topic, at full speed or at a given rate.

    Every line is a frame, whatever its content; lines go round robin over the partitions. From a pipe, each is sent as
    soon as it arrives.

    After Ctrl-C, `kill -9` or an outage, the same command with `--resume` sends the frames that the topic lacks: none
    twice, none left out. Without it, all frames are sent.

    Example: `python app.py feed data/stream.jsonl --realtime --speed 60 --now`
    """
    chosen = _pace_of(rate, speed, realtime=realtime)
    lines = Lines(expanded(files or [default_file()]), MAX_FRAME_BYTES)
    with broker_in_use(Settings) as settings:
        place = _place_to_resume(settings) if resume else _beginning(settings)
        known = None if resume else counted(settings, place.partitions)
        shift = Shift(time, place.shift_s) if now or place.shift_s is not None else None
        feed = Feed(settings, place, chosen, shift)
        frames = warned_if_late(small_enough(lines), settings.consumer_group_id, known, is_now=now)
        seconds = send(feed, lines, frames, "use --resume to continue")
        is_waited_for = chosen is not None or lines.size_bytes is None
        told = (rate_of if is_waited_for else pace)(feed.sent, seconds)
        say(f"fed {name_of(lines)}: {told}, {throughput(feed.sent_bytes, seconds)}")


def _beginning(settings: Settings) -> Place:
    """Begin at the first line; where the topic holds frames, that is noted."""
    admin = open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    held = most_records(admin, settings, settings.input_topic, partitions)
    if held:
        note(f"topic {settings.input_topic} holds up to {numbered(held, 'frame')} already; these come after them")
    return beginning(partitions)


def _place_to_resume(settings: Settings) -> Place:
    """Find out where the last feed was broken off, and tell."""
    place = find_place(settings)
    if not place.extents:
        note(f"topic {settings.input_topic} is empty: the feed begins at its first line")
        return place
    first_missing = min(place.next_lines.values())
    note(f"verifying the {numbered(first_missing, 'frame')} already sent to {settings.input_topic}")
    if place.partitions < len(place.extents):
        note(f"the feed began with {numbered(place.partitions, 'partition')}, and goes on over these")
    return place


def _pace_of(rate: float | None, speed: float | None, *, realtime: bool) -> Pace | None:
    """Return the pace that was asked for; None for as fast as the broker takes it.

    Raises:
        SettingsError: more than one was, or one that is none.
    """
    if rate is not None and realtime:
        raise SettingsError("--rate and --realtime are two paces", hint="give one of them: --rate 1000, or --realtime")
    if speed is not None and not realtime:
        raise SettingsError(
            "--speed is a multiple of the frames' own pace", hint="add --realtime: --realtime --speed 60"
        )
    for option, value in (("--rate", rate), ("--speed", speed)):
        if value is not None and not 0 < value < inf:
            raise SettingsError(f"{option} {value:g} is no pace", hint=f"give a number above 0: {option} 100")
    if rate is not None:
        return EvenPace(rate)
    return OwnPace(speed or 1.0) if realtime else None
