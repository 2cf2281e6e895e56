"""What `feed` and `prepare-topics` do alike: frames are sent, with how fast it goes and what a break leaves."""

import logging
from collections.abc import Callable, Iterator
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


def send(feed: Feed, frames: Lines, go_on: str, begin: Callable[[bytes], bool] = lambda _: True) -> float:
    """Send the frames that the topic lacks, with a bar, and return how many seconds it took.

    Args:
        go_on: what a user may do to go on after a feed that was broken off.
        begin: called with each frame before it is sent, until it returns true.
    """
    what, started_s = name_of(frames), monotonic()

    def so_far() -> str:
        seconds = max(monotonic() - started_s, 1e-3)
        speed = f"{feed.sent / seconds:,.0f} frames/s, {throughput(feed.sent_bytes, seconds)}"
        sent = "" if frames.size_bytes is not None else f"{numbered(feed.sent, 'frame')}, "
        return f"feeding {what}: {sent}{speed}"

    try:
        with bar(so_far, frames.size_bytes) as move:
            feed.run(_begun(_small_enough(frames), begin), lambda: move(frames.read_bytes))
    except BaseException:
        if feed.sent:
            log.warning(f"only a part of {what} is fed: {numbered(feed.acknowledged, 'frame')} acknowledged; {go_on}")
        raise
    return monotonic() - started_s


def warner(group: str, counted: Counted | None, *, is_now: bool) -> Callable[[bytes], bool]:
    """Return what warns, at the first frame that has a time, where the group will find it late.

    Args:
        counted: how far the group has counted; None where that is not known.
        is_now: the frames are moved in time, so that this one happens now.
    """

    def begin(frame: bytes) -> bool:
        ts = event_time_s(frame)
        if counted is None or ts is None:
            return counted is None
        begins = int(time() if is_now else ts)
        if begins < counted.closed_before:
            _warn_of_late(group, begins, counted)
        return True

    return begin


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


def _begun(frames: Iterator[bytes], begin: Callable[[bytes], bool]) -> Iterator[bytes]:
    for frame in frames:
        has_begun = begin(frame)
        yield frame
        if has_begun:
            break
    yield from frames


def _small_enough(frames: Lines) -> Iterator[bytes]:
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
