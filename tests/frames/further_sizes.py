"""Rows that tests add to the table of sizes; nothing else is changed for them.

Run as a program, it is the application with these rows: `python -m tests.frames.further_sizes results --json`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from metrics.frames import sizes
from metrics.frames.sizes import Counts, Size

QUARTER = Size("quarter", 900, Counts.FRAMES, "quarter_output_topic", "frames-per-quarter", 96, 100)
HOUR = Size("hour", 3_600, Counts.USERS, "hour_metrics_output_topic", "unique-users-per-hour", 168, 8_784)


@contextmanager
def added(*rows: Size) -> Iterator[None]:
    """Let the table have further rows: for all that looks at it later, and in all modules that have imported it."""
    before = sizes.SIZES
    after = (*before, *rows)
    having = [module for module in [*sys.modules.values()] if getattr(module, "SIZES", None) is before]
    for module in having:
        setattr(module, "SIZES", after)  # noqa: B010  # a module has no such attribute by its type
    try:
        yield
    finally:
        for module in having:
            setattr(module, "SIZES", before)  # noqa: B010


if __name__ == "__main__":
    with added(HOUR):
        from metrics.__main__ import main

        main()
