"""Results as they are read from their topics."""

from collections.abc import Sequence

from metrics.frames.records import Record, read_record
from metrics.frames.results.read import Result
from tests.frames.windows import minute_record, second_record

T = 1468244340  # 2016-07-11T13:39:00Z


def second(start: int, frames: int = 1) -> Result:
    """Return the record of a second."""
    return _result(second_record(start, frames, 1.0, 0))


def minute(start: int, users: int = 1) -> Result:
    """Return the record of a minute."""
    return _result(minute_record(start, users, 1.0, users, 0))


def starts(results: Sequence[Result]) -> list[int]:
    """Return where windows start."""
    return [result.window.start for result in results]


def _result(record: Record) -> Result:
    window = read_record(record.size, record.key.encode(), record.value(), "")
    assert isinstance(window, Record)
    return Result(window, record.value())
