"""Generated records: each with the outcome that a load of it must have."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

BLOCK = 500  # records that are made at once; each block can be made without those before it
Draw = Callable[[], float]  # the next number of a sequence, 0 <= number < 1
_T = TypeVar("_T")

# Outcomes of a record: it becomes a row, or a later one of its key does, or it is rejected for one of these reasons.
KEPT, REPEATED = "kept", "repeated"
CELLS, FIELD, ORDER, MOVIES = "cells", "field", "order", "movies"
# Rules that a record which is not rejected may break.
LONGER, BEFORE_CREATED = "sessions longer than the movie", "reviews updated before their creation"
IN_THE_FUTURE, BEFORE_BIRTH = "authors who died in the future", "authors who died before birth"

_SCATTER = 2_654_435_761  # a prime greater than any number of records, so number * _SCATTER modulo that is unique


class Made(NamedTuple):
    """A record and its outcome.

    Attributes:
        written: texts of the cells of a CSV file, or a JSON value.
        outcome: KEPT, REPEATED, or the reason for its rejection.
        remark: the rule that it breaks without being rejected; empty if it breaks none.
    """

    written: Any
    outcome: str = KEPT
    remark: str = ""


def draws(seed: int, sequence: int, block: int = 0) -> Draw:
    """Return one of the sequences of random numbers of a seed; equal on every Python and machine."""
    return random.Random((8 * seed + sequence) << 40 | block).random


def one_of(choices: Sequence[_T], draw: Draw) -> _T:
    """Draw one of some choices."""
    return choices[int(draw() * len(choices))]


def scatter(number: int, count: int) -> int:
    """Return a number below `count`, a different one for each number below it, in no visible order."""
    return number * _SCATTER % count


def blocks_of(count: int) -> int:
    """Return the number of blocks for a number of records."""
    return -(-count // BLOCK)


def numbers_of(block: int, count: int) -> range:
    """Return the numbers of the records of a block."""
    return range(block * BLOCK, min((block + 1) * BLOCK, count))


def mix(kept: Iterable[Made], draw: Draw, *, repeated: Mapping[int, Made], wrong: Iterable[Made]) -> list[Made]:
    """Return records with wrong ones between them, and earlier ones of the same keys anywhere before them.

    Args:
        repeated: the earlier record by the position of the one that is kept.
    """
    made = list(kept)
    for position, record in sorted(repeated.items(), reverse=True):
        made.insert(int(draw() * (position + 1)), record)
    for record in wrong:
        made.insert(int(draw() * (len(made) + 1)), record)
    return made
