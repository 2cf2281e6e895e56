"""The comparison of two streams of rows in the order of their keys."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Row = tuple[Any, ...]


class Difference(NamedTuple):
    """Difference of a row.

    Attributes:
        key: of the row.
        recount, stored: its other columns by the recount, and as stored; None if there is no such row.
    """

    key: Row
    recount: Row | None
    stored: Row | None


def differences(recount: Iterator[Row], stored: Iterator[Row], keys: int) -> Iterator[Difference | None]:
    """Yield the difference of each row that is in a stream, or None if the two have the same.

    Args:
        recount, stored: rows in the order of their keys, which are all different.
        keys: number of columns of the key.
    """
    ours, theirs = next(recount, None), next(stored, None)
    while ours is not None or theirs is not None:
        if ours == theirs:
            yield None
            ours, theirs = next(recount, None), next(stored, None)
        elif theirs is None or (ours is not None and ours[:keys] < theirs[:keys]):
            assert ours is not None
            yield Difference(ours[:keys], ours[keys:], None)
            ours = next(recount, None)
        elif ours is None or theirs[:keys] < ours[:keys]:
            yield Difference(theirs[:keys], None, theirs[keys:])
            theirs = next(stored, None)
        else:
            yield Difference(ours[:keys], ours[keys:], theirs[keys:])
            ours, theirs = next(recount, None), next(stored, None)
