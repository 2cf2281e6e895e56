"""`feed`: sends frames to the input topic, at a given rate if any; resumes an interrupted feed."""

from math import inf
from pathlib import Path
from time import time
from typing import Annotated

import typer

from metrics.cli.use_broker import use_broker
from metrics.frames import topics_in_use
from metrics.frames.commands.feeding import send, small_enough, warned_if_late
from metrics.frames.commands.frame_files import ABOUT, frame_lines
from metrics.frames.core.shape import TsFormat
from metrics.frames.producer.counted import counted
from metrics.frames.producer.pacing import EvenPace, OwnPace, Pace
from metrics.frames.producer.resume import FeedProgress, beginning, find_progress
from metrics.frames.producer.send import Feed
from metrics.frames.producer.timestamps import Shift, WrittenTimes
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import most_records
from metrics.terminal.console import name_of, note, say, throughput, warn
from metrics.wording.errors import SettingsError
from metrics.wording.text import numbered, pace
from metrics.wording.text import rate as rate_of


def feed(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE|-", help=ABOUT, show_default="the one in data/"),
    ] = None,
    *,
    rate: Annotated[float | None, typer.Option(metavar="N", help="Send N frames per second, evenly.")] = None,
    realtime: Annotated[
        bool, typer.Option("--realtime", help="Send each frame when its ts says, relative to the first one.")
    ] = False,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="With --realtime: X times as fast; 60 sends an hour per minute.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Shift every ts equally, so that the first frame happens now.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue the topic's last feed where it was interrupted.")
    ] = False,
) -> None:
    """Send frames to the existing input topic, at full speed or at a given rate.

    Each line is sent as one frame, valid or not; lines go round robin over the partitions. From a pipe, each line is
    sent as soon as it arrives.

    After Ctrl-C, `kill -9` or a broker outage, the same command with `--resume` sends the missing frames: none twice,
    none left out. Without it, all frames are sent.

    Example: `python app.py feed data/stream.jsonl --realtime --speed 60 --now`
    """
    given = Settings.load()
    times = WrittenTimes(given.shape())
    chosen = _pace_of(rate, speed, times if realtime else None)
    _require_times(given, realtime=realtime, now=now)
    lines = frame_lines(files or [])
    with use_broker(Settings) as settings:
        progress = _progress_to_resume(settings) if resume else _beginning(settings)
        known = None if resume else counted(settings, progress.partitions)
        shift = Shift(times, time, progress.shift_s) if now or progress.shift_s is not None else None
        feed = Feed(settings, progress, chosen, shift)
        frames = warned_if_late(small_enough(lines), times, settings.consumer_group_id, known, is_now=now)
        seconds = send(feed, lines, frames, "the same command with --resume", warn)
        is_waited_for = chosen is not None or lines.size_bytes is None
        done = (rate_of if is_waited_for else pace)(feed.sent, "frame", seconds)
        say(f"fed {name_of(lines)}: {done}, {throughput(feed.sent_bytes, seconds)}")


def _beginning(settings: Settings) -> FeedProgress:
    """Return the beginning of a feed; note if the topic already has frames."""
    admin = open_admin(settings)
    partitions = topics_in_use.input_partitions(admin, settings)
    held = most_records(admin, settings, settings.input_topic, partitions)
    if held:
        note(f"topic {settings.input_topic} already has up to {numbered(held, 'frame')}; the new ones follow them")
    return beginning(partitions)


def _progress_to_resume(settings: Settings) -> FeedProgress:
    """Find where the last feed was interrupted, and print it."""
    progress = find_progress(settings)
    if not progress.ranges:
        note(f"topic {settings.input_topic} is empty: feeding from the first line")
        return progress
    first_missing = min(progress.next_lines.values())
    note(f"verifying the {numbered(first_missing, 'frame')} already sent to {settings.input_topic}")
    if progress.partitions < len(progress.ranges):
        note(f"the feed began with {numbered(progress.partitions, 'partition')}, and continues with these")
    return progress


def _require_times(settings: Settings, *, realtime: bool, now: bool) -> None:
    """Check that the times of frames are in them, if they are needed.

    Raises:
        SettingsError: they are not.
    """
    option = "--realtime" if realtime else "--now"
    if settings.ts_format is TsFormat.KAFKA and (realtime or now):
        raise SettingsError(
            f"{option} cannot be used with TS_FORMAT=kafka",
            why="frames have no times of their own then: each happens when it is sent",
            hint=f"leave {option} out; --rate sends them evenly",
        )


def _pace_of(rate: float | None, speed: float | None, times: WrittenTimes | None) -> Pace | None:
    """Return the requested pace; None for full speed.

    Args:
        times: of the frames, if --realtime is given.

    Raises:
        SettingsError: the options contradict each other, or a value is invalid.
    """
    if rate is not None and times is not None:
        raise SettingsError(
            "--rate and --realtime contradict each other", hint="use one of them: --rate 1000, or --realtime"
        )
    if speed is not None and times is None:
        raise SettingsError("--speed is a factor of --realtime", hint="add --realtime: --realtime --speed 60")
    for option, value in (("--rate", rate), ("--speed", speed)):
        if value is not None and not 0 < value < inf:
            raise SettingsError(f"invalid {option} {value:g}", hint=f"give a number above 0: {option} 100")
    if rate is not None:
        return EvenPace(rate)
    return None if times is None else OwnPace(times, speed or 1.0)
