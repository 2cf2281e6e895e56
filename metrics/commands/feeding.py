"""What `feed` and `prepare-topics` do alike: frames are sent, with how fast it goes and what a break leaves."""

from time import monotonic

from metrics import frame_files
from metrics.frame_files import STANDARD_INPUT
from metrics.kafka.feed import Feed
from metrics.terminal import bar, numbered, shown, throughput, warn


def send(feed: Feed, frames: frame_files.Frames, go_on: str) -> float:
    """Send the frames that the topic lacks, with a bar, and return how many seconds it took.

    Args:
        go_on: what a user may do to go on after a feed that was broken off.
    """
    what, started_s = name_of(frames), monotonic()

    def show() -> None:
        seconds = max(monotonic() - started_s, 1e-3)
        speed = f"{feed.sent / seconds:,.0f} frames/s, {throughput(feed.sent_bytes, seconds)}"
        so_far = "" if frames.size_bytes is not None else f"{numbered(feed.sent, 'frame')}, "
        move(frames.read_bytes, f"feeding {what}: {so_far}{speed}")

    try:
        with bar(f"feeding {what}", frames.size_bytes) as move:
            feed.run(frames, show)
    except BaseException:
        if feed.sent:
            warn(f"only a part of {what} is fed: {numbered(feed.acknowledged, 'frame')} acknowledged; {go_on}")
        raise
    return monotonic() - started_s


def name_of(frames: frame_files.Frames) -> str:
    """Return what people call these frames."""
    paths = frames.paths
    if len(paths) > 1:
        return numbered(len(paths), "file")
    return "standard input" if paths[0] == STANDARD_INPUT else shown(paths[0])
