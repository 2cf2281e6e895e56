"""Timestamp rewriting: the `ts` in a frame's bytes is read, or shifted, with every other byte unchanged."""

import re
from collections.abc import Callable, Iterable, Iterator

from metrics.frames.core.frame import TS, Frame, Reason, read_frame, start_of_json
from metrics.frames.core.json_root import root_members
from metrics.times import LAST_SECOND

_DECIMAL = re.compile(rb"([0-9]{1,12})(\.[0-9]+)?")
# A frame rejected for one of these reasons is an object with a ts.
_WITH_TS = frozenset({Reason.WRONG_TS, Reason.NO_UID, Reason.WRONG_UID, Reason.EMPTY_UID})


def event_time_s(frame: bytes) -> float | None:
    """Return a frame's ts in seconds since the epoch, with fractions; None if it has no readable ts."""
    read = read_frame(frame)
    if isinstance(read, Frame):
        return read.ts
    if read.reason in _WITH_TS:
        number = frame[_place_of_ts(frame)]
        if _DECIMAL.fullmatch(number) and float(number) <= LAST_SECOND:
            return float(number)
    return None


def moved(frame: bytes, by_s: int) -> bytes:
    """Return a frame with its ts shifted by whole seconds; a fraction is kept as written.

    An invalid frame is returned unchanged, except one whose only fault is a fractional ts. So is a frame that would
    leave the years 1970 to 9999.
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
    """Shift of all frames by the same time, so that the first frame with a ts happens now.

    Args:
        clock: returns the time in seconds since the epoch; called once, at that frame.
        by_s: the shift, if it is already known.

    Attributes:
        by_s: the shift in whole seconds; None before the first frame with a ts.
    """

    def __init__(self, clock: Callable[[], float], by_s: int | None = None) -> None:
        self.by_s = by_s
        self._clock = clock

    def moved(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield each frame, shifted."""
        for frame in frames:
            if self.by_s is None and (ts := event_time_s(frame)) is not None:
                self.by_s = int(self._clock()) - int(ts)
            yield frame if self.by_s is None else moved(frame, self.by_s)


def _place_of_ts(frame: bytes) -> slice:
    """Return the range of bytes of the root's first ts, without quotes.

    Args:
        frame: a JSON object that has a ts.
    """
    place = root_members(frame, (TS,), start_of_json(frame))[TS]
    is_text = frame.startswith(b'"', place.start)
    return slice(place.start + is_text, place.stop - is_text)
