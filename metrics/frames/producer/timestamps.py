"""The `ts` of a frame as it stands in its bytes: read, or moved in time, with every other byte left as it is."""

import re
from collections.abc import Callable, Iterable, Iterator

from metrics.frames.core.frame import TS, Frame, Reason, read_frame, start_of_json
from metrics.frames.core.json_root import root_members
from metrics.times import LAST_SECOND

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
    """Return where the value of the root's first ts is, without its quotes if it has some.

    Args:
        frame: a JSON object that has a ts.
    """
    place = root_members(frame, (TS,), start_of_json(frame))[TS]
    is_text = frame.startswith(b'"', place.start)
    return slice(place.start + is_text, place.stop - is_text)
