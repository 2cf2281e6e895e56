"""The `ts` of a frame as it stands in its bytes: read, or moved in time, with every other byte left as it is."""

import json
import re
from collections.abc import Callable, Iterable, Iterator

from metrics.frames.core.frame import Frame, Reason, read_frame
from metrics.times import LAST_SECOND

# Of valid JSON, strings and what gives it its structure; numbers, true, false and null lie between these.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]', re.DOTALL)
_WHITE = b" \t\n\r"
_DECIMAL = re.compile(rb"([0-9]{1,12})(\.[0-9]+)?")
# Rejected for these, it is an object that has a ts.
_WITH_TS = frozenset({Reason.WRONG_TS, Reason.NO_UID, Reason.WRONG_UID, Reason.EMPTY_UID})


def event_time_s(frame: bytes) -> float | None:
    """Return when a frame happened, in seconds since the epoch, fractions too; None where no ts can be read."""
    read = read_frame(frame)
    if isinstance(read, Frame):
        return read.ts
    if read.reason in _WITH_TS:
        number = frame[_place_of_ts(frame)]
        if _DECIMAL.fullmatch(number) and float(number) <= LAST_SECOND:
            return float(number)
    return None


def moved(frame: bytes, by_s: int) -> bytes:
    """Return a frame whose ts is so many whole seconds later; a fraction stays as it is written.

    A frame that is not valid is returned as it is, but for one with a fraction of a second, which the job refuses. So
    is one that would leave the years 1970 to 9999.
    """
    read = read_frame(frame)
    if not isinstance(read, Frame) and read.reason is not Reason.WRONG_TS:
        return frame
    place = _place_of_ts(frame)
    if isinstance(read, Frame):
        second, fraction = read.ts + by_s, b""
    elif written := _DECIMAL.fullmatch(frame[place]):
        second, fraction = int(written[1]) + by_s, written[2] or b""
    else:
        return frame
    if not 0 <= second <= LAST_SECOND:
        return frame
    return b"%b%d%b%b" % (frame[: place.start], second, fraction, frame[place.stop :])


class Shift:
    """Moves frames in time, all of them by as much, so that the first one that has a time happens now.

    Args:
        clock: tells the time, in seconds since the epoch; asked once, when that frame comes.
        by_s: by how much, where that is known already.

    Attributes:
        by_s: by how many whole seconds; None before the first frame that has a time.
    """

    def __init__(self, clock: Callable[[], float], by_s: int | None = None) -> None:
        self.by_s = by_s
        self._clock = clock

    def moved(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield each frame, moved."""
        for frame in frames:
            if self.by_s is None and (ts := event_time_s(frame)) is not None:
                self.by_s = int(self._clock()) - int(ts)
            yield frame if self.by_s is None else moved(frame, self.by_s)


def _place_of_ts(frame: bytes) -> slice:
    """Return where the value of the root's first ts stands, without its quotes if it has some.

    Args:
        frame: a JSON object that has a ts.
    """
    depth, start, key, is_ts = 0, 0, b"", False
    for token in _TOKEN.finditer(frame):
        sign = token[0]
        if sign in (b"{", b"["):
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
        if depth > 1:
            continue
        if is_ts and (depth == 0 or sign == b","):
            return _bare(frame, start, token.start())
        if sign == b":":
            is_ts, start = _is_ts(key), token.end()
        elif sign.startswith(b'"'):
            key = sign
    raise AssertionError("the frame has a ts")


def _is_ts(key: bytes) -> bool:
    return key == b'"ts"' or (b"\\" in key and json.loads(key) == "ts")


def _bare(frame: bytes, start: int, end: int) -> slice:
    """Leave white space and quotes around a value out."""
    value = frame[start:end]
    start, end = end - len(value.lstrip(_WHITE)), start + len(value.rstrip(_WHITE))
    is_text = frame.startswith(b'"', start)
    return slice(start + is_text, end - is_text)
