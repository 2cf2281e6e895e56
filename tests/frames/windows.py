"""Records, and what was published, of the two sizes of windows, as tests write them down."""

from metrics.frames.core.windows import Series
from metrics.frames.records import Record
from metrics.frames.sizes import MINUTE, SECOND


def second_record(start: int, frames: int, average: float, gap_s: int = 0) -> Record:
    return Record(SECOND, start, frames, frames, average, gap_s)


def minute_record(start: int, users: int, average: float, frames: int, gap_s: int = 0) -> Record:
    return Record(MINUTE, start, users, frames, average, gap_s)


def series(second: Series, minute: Series) -> dict[int, Series]:
    return {1: second, 60: minute}
