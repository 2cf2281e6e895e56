"""What `feed` and `prepare-topics` do alike: frames are sent, with how fast it goes and what a break leaves."""

import logging
from collections.abc import Iterator
from time import monotonic, time

from metrics.errors import FileError
from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.producer.counted import Counted
from metrics.frames.producer.send import Feed
from metrics.frames.producer.timestamps import event_time_s
from metrics.terminal.console import bar, name_of, throughput
from metrics.text import numbered
from metrics.times import rfc3339

log = logging.getLogger(__name__)


def send(feed: Feed, lines: Lines, frames: Iterator[bytes], go_on: str) -> float:
    """Send the frames that the topic lacks, with a bar, and return how many seconds it took.

    Args:
        lines: where the frames are read from.
        go_on: what a user may do to go on after a feed that was broken off.
    """
    what, started_s = name_of(lines), monotonic()

    def so_far() -> str:
        seconds = max(monotonic() - started_s, 1e-3)
        speed = f"{feed.sent / seconds:,.0f} frames/s, {throughput(feed.sent_bytes, seconds)}"
        sent = "" if lines.size_bytes is not None else f"{numbered(feed.sent, 'frame')}, "
        return f"feeding {what}: {sent}{speed}"

    try:
        with bar(so_far, lines.size_bytes) as move:
            feed.run(frames, lambda: move(lines.read_bytes))
    except BaseException:
        if feed.sent:
            log.warning(f"{what} partially sent: {numbered(feed.acknowledged, 'frame')} acknowledged; {go_on}")
        raise
    return monotonic() - started_s


def warned_if_late(
    frames: Iterator[bytes], group: str, counted: Counted | None, *, is_now: bool = False
) -> Iterator[bytes]:
    """Yield frames; where the group will find the first one that has a time late, warn before it.

    Args:
        counted: how far the group has counted; None where that is not known.
        is_now: the frames are moved in time, so that this one happens now.
    """
    if counted is not None:
        for frame in frames:
            ts = event_time_s(frame)
            if ts is not None and (begins := int(time() if is_now else ts)) < counted.closed_before:
                _warn_of_late(group, begins, counted)
            yield frame
            if ts is not None:
                break
    yield from frames


def _warn_of_late(group: str, begins: int, counted: Counted) -> None:
    when = f" after {rfc3339(counted.closed_before)}" if counted.closed_before >= time() else ""
    log.warning(
        f"these frames begin at {rfc3339(begins)}, and event time of the group {group} is "
        f"{rfc3339(counted.event_time)} already\n"
        f"why: what is before {rfc3339(counted.closed_before)} is late: it counts for no second, and most of it for no "
        "minute\n"
        f"hint: run feed --now again{when}; or feed another INPUT_TOPIC, for another "
        "CONSUMER_GROUP_ID with other output topics"
    )


def small_enough(frames: Lines) -> Iterator[bytes]:
    """Yield frames, as long as none is too large.

    Raises:
        FileError: one is.
    """
    for line, frame in enumerate(frames, 1):
        if len(frame) > MAX_FRAME_BYTES:
            raise FileError(
                f"line {line:,} of {name_of(frames)} is longer than {MAX_FRAME_BYTES:,} bytes",
                why="no frame may be",
                hint="take the line out; or see whether the file has its newlines",
            )
        yield frame
