"""Timestamp rewriting: the time in a frame's bytes is read, or shifted, with every other byte unchanged."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Context, Decimal, InvalidOperation

from metrics.frames.core.frame import Frame, Reason
from metrics.frames.core.json_root import place_of
from metrics.frames.core.reading import reader, start_of_json
from metrics.frames.core.shape import UNITS, Shape, TsFormat, path_of
from metrics.frames.core.written_times import iso_second
from metrics.messages.line import LineMessage
from metrics.time.moments import LAST_SECOND

# A frame rejected for one of these reasons has a time.
_WITH_TIME = frozenset({Reason.NO_UID, Reason.WRONG_UID, Reason.EMPTY_UID})
_FRACTION = re.compile(r"(?<=:\d\d)[.,](\d+)")
_DIGITS = Context(prec=200)  # more than a time has


class WrittenTimes:
    """Times of frames of one shape, as they are written; those of Kafka timestamps are not in the frames."""

    def __init__(self, shape: Shape) -> None:
        self._format = shape.ts_format
        self._path = path_of(shape.ts_field)
        self._read = reader(shape)

    def event_time_s(self, frame: bytes) -> float | None:
        """Return a frame's time in seconds since the epoch, with fractions; None if it has no readable one."""
        read = self._read(LineMessage(frame))
        if self._format is TsFormat.KAFKA or not (isinstance(read, Frame) or read.reason in _WITH_TIME):
            return None
        text = _text(frame[self._place(frame)])
        if self._format is TsFormat.ISO8601:
            fraction = _FRACTION.search(text)
            return iso_second(text) + float(f"0.{fraction[1]}" if fraction else 0)
        return float(text) / UNITS[self._format]

    def moved(self, frame: bytes, by_s: int) -> bytes:
        """Return a frame with its time shifted by whole seconds; a fraction is kept as written.

        An invalid frame is returned unchanged. So is one that would leave the years 1970 to 9999, or whose time is its
        Kafka timestamp.
        """
        read = self._read(LineMessage(frame))
        if not isinstance(read, Frame) or not 0 <= read.ts + by_s <= LAST_SECOND:
            return frame
        place = self._place(frame)
        text = _text(frame[place])
        try:
            shifted = _shifted_iso(text, by_s) if self._format is TsFormat.ISO8601 else self._shifted_number(text, by_s)
        except OverflowError:  # in the time zone of its offset, it would be in the year 10000
            return frame
        except InvalidOperation:  # its exponent is too large for a decimal; so it is 0
            shifted = str((read.ts + by_s) * UNITS[self._format])
        quote = b'"' if frame.startswith(b'"', place.start) else b""
        return b"%b%b%b%b%b" % (frame[: place.start], quote, shifted.encode(), quote, frame[place.stop :])

    def _shifted_number(self, text: str, by_s: int) -> str:
        return format(_DIGITS.add(Decimal(text), by_s * UNITS[self._format]), "f")

    def _place(self, frame: bytes) -> slice:
        """Return the place of the time of a frame that has one."""
        place = place_of(frame, self._path, start_of_json(frame))
        assert place is not None
        return place


def _text(written: bytes) -> str:
    """Return a time without quotes and escapes."""
    return str(json.loads(written)) if written.startswith(b'"') else written.decode()


def _shifted_iso(text: str, by_s: int) -> str:
    """Return a date and time shifted, with the same separator, fraction and offset."""
    end = 19 if text[16:17] == ":" else 16
    local = datetime.fromisoformat(text[:end].upper()) + timedelta(seconds=by_s)
    return local.isoformat(text[10], "seconds") + text[end:]


class Shift:
    """Shift of all frames by the same time, so that the first frame with a time happens now.

    Args:
        clock: returns the time in seconds since the epoch; called once, at that frame.
        by_s: the shift, if it is already known.

    Attributes:
        by_s: the shift in whole seconds; None before the first frame with a time.
    """

    def __init__(self, times: WrittenTimes, clock: Callable[[], float], by_s: int | None = None) -> None:
        self.by_s = by_s
        self._times = times
        self._clock = clock

    def moved(self, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield each frame, shifted."""
        for frame in frames:
            if self.by_s is None and (ts := self._times.event_time_s(frame)) is not None:
                self.by_s = int(self._clock()) - int(ts)
            yield frame if self.by_s is None else self._times.moved(frame, self.by_s)
