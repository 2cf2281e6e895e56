"""The sending that `feed` and `prepare-topics` share, with its progress, and warnings about late frames."""

from collections.abc import Callable, Iterator
from time import monotonic, time

from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.producer.counted import Counted
from metrics.frames.producer.send import Feed
from metrics.frames.producer.timestamps import WrittenTimes
from metrics.terminal.console import name_of, throughput, warn
from metrics.terminal.progress import bar
from metrics.time.moments import rfc3339
from metrics.wording.errors import FileError
from metrics.wording.text import numbered


def send(feed: Feed, lines: Lines, frames: Iterator[bytes], to_continue: str, report: Callable[[str], None]) -> float:
    """Send the frames that the topic lacks, with a bar, and return the seconds it took.

    Args:
        lines: source of the frames.
        to_continue: the command that continues the feed if it is interrupted.
        report: called with a line if it is.
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
            sent = numbered(feed.acknowledged, "acknowledged frame")
            report(f"{what}: interrupted after {sent}; to send the rest, if any: {to_continue}")
        raise
    return monotonic() - started_s


def warned_if_late(
    frames: Iterator[bytes], times: WrittenTimes, group: str, counted: Counted | None, *, is_now: bool = False
) -> Iterator[bytes]:
    """Yield frames; warn before the first one that has a time if the group will find it late.

    Args:
        counted: how far the group has counted; None if unknown.
        is_now: the frames are shifted so that this one happens now.
    """
    if counted is not None:
        for frame in frames:
            ts = times.event_time_s(frame)
            if ts is not None and (begins := int(time() if is_now else ts)) < counted.closed_before:
                ahead = f" after {rfc3339(counted.closed_before)}" if counted.closed_before >= time() else ""
                warn(
                    f"these frames begin at {rfc3339(begins)}, but event time of the group {group} is "
                    f"already {rfc3339(counted.event_time)}\n"
                    f"why: frames before {rfc3339(counted.closed_before)} are late: "
                    "they count in no second, most in no larger window\n"
                    f"hint: run feed --now again{ahead}; or feed another INPUT_TOPIC, for another "
                    "CONSUMER_GROUP_ID with other output topics"
                )
            yield frame
            if ts is not None:
                break
    yield from frames


def small_enough(frames: Lines) -> Iterator[bytes]:
    """Yield frames up to the first that is too large.

    Raises:
        FileError: a frame is too large.
    """
    for line, frame in enumerate(frames, 1):
        if len(frame) > MAX_FRAME_BYTES:
            raise FileError(
                f"line {line:,} of {name_of(frames)} is longer than {MAX_FRAME_BYTES:,} bytes",
                why="that is the largest size of a frame",
                hint="remove the line, or check whether the file lacks newlines",
            )
        yield frame
