"""An index of the rows of a processed file, so that reading can begin in the middle."""

from array import array
from collections.abc import Iterable
from typing import NamedTuple

EVERY = 1_000  # rows; an index of a million events takes 8 kB


class RowStart(NamedTuple):
    """The position of a row in a processed file.

    Attributes:
        events: number of events before it.
        offset: in bytes; 0 for the first event, after the line of the column names.
    """

    events: int
    offset: int


FIRST = RowStart(0, 0)


class RowStarts:
    """Offsets of every thousandth row of a processed file, which does not change.

    Args:
        lines: of the file, each to its line feed.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._offsets = array("q")  # of the rows EVERY, 2 * EVERY, …
        rows, offset, quotes = -1, 0, 0  # the column names are not an event
        for line in lines:
            offset += len(line)
            quotes += line.count(b'"')
            if quotes % 2 == 0:  # the line feed is not inside a cell
                rows += 1
                if rows % EVERY == 0 and rows:
                    self._offsets.append(offset)

    def before(self, events: int) -> RowStart:
        """Return the last known row start after at most this number of events."""
        at = min(events // EVERY, len(self._offsets))
        return RowStart(at * EVERY, self._offsets[at - 1]) if at else FIRST
