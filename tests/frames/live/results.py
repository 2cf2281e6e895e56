"""Results as they are read from their topics."""

from collections.abc import Sequence

from metrics.frames.core.windows import SECOND_S, MinuteRecord, SecondRecord
from metrics.frames.records import Published, read_record
from metrics.frames.results.read import Result
from metrics.times import MINUTE_S

T = 1468244340  # 2016-07-11T13:39:00Z


def second(start: int, frames: int = 1) -> Result:
    """Return the record of a second."""
    return _result(SECOND_S, SecondRecord(start, frames, 1.0, 0))


def minute(start: int, users: int = 1) -> Result:
    """Return the record of a minute."""
    return _result(MINUTE_S, MinuteRecord(start, users, 1.0, users, 0))


def starts(results: Sequence[Result]) -> list[int]:
    """Return where windows start."""
    return [result.window.start for result in results]


def _result(size_s: int, record: SecondRecord | MinuteRecord) -> Result:
    window = read_record(size_s, record.key.encode(), record.value(), "")
    assert isinstance(window, Published)
    return Result(size_s, window, record.value())
