"""What `feed` and `prepare-topics` do alike: frames are sent, with how fast it goes and what a break leaves."""

from collections.abc import Iterator
from time import monotonic

from metrics.errors import FileError
from metrics.frame_files import Frames
from metrics.frames.frame import MAX_FRAME_BYTES
from metrics.kafka.feed import Feed
from metrics.terminal import bar, name_of, numbered, throughput, warn


def send(feed: Feed, frames: Frames, go_on: str) -> float:
    """Send the frames that the topic lacks, with a bar, and return how many seconds it took.

    Args:
        go_on: what a user may do to go on after a feed that was broken off.
    """
    what, started_s = name_of(frames), monotonic()

    def so_far() -> str:
        seconds = max(monotonic() - started_s, 1e-3)
        speed = f"{feed.sent / seconds:,.0f} frames/s, {throughput(feed.sent_bytes, seconds)}"
        sent = "" if frames.size_bytes is not None else f"{numbered(feed.sent, 'frame')}, "
        return f"feeding {what}: {sent}{speed}"

    try:
        with bar(so_far, frames.size_bytes) as move:
            feed.run(_small_enough(frames), lambda: move(frames.read_bytes))
    except BaseException:
        if feed.sent:
            warn(f"only a part of {what} is fed: {numbered(feed.acknowledged, 'frame')} acknowledged; {go_on}")
        raise
    return monotonic() - started_s


def _small_enough(frames: Frames) -> Iterator[bytes]:
    """Yield frames, as long as none is too large.

    Raises:
        FileError: one is.
    """
    for line, frame in enumerate(frames, 1):
        if len(frame) > MAX_FRAME_BYTES:
            raise FileError(
                f"line {line:,} of {name_of(frames)} is longer than {MAX_FRAME_BYTES:,} bytes",
                why="no frame may be",
                now="take the line out; or see whether the file has its newlines",
            )
        yield frame
