"""The option `--follow`: what comes later is printed while somebody reads it."""

from collections.abc import Callable, Iterable, Sequence
from threading import Event
from typing import TypeVar

from metrics.terminal.streams import require_reader
from metrics.wording.errors import OutputClosedError

TOGETHER_S = 0.2  # Ctrl-C reaches the processes of a pipe one after another, within this time

Thing = TypeVar("Thing")


def print_following(
    batches: Iterable[Sequence[Thing]], stopping: Event, printer: Callable[[Sequence[Thing]], None]
) -> None:
    """Print what comes, some at a time; a reader that the same Ctrl-C ends is not an error.

    Args:
        batches: what to print; an empty one now and then, if nothing comes.

    Raises:
        OutputClosedError: the reader of standard output has gone.
    """
    try:
        for batch in batches:
            if batch:
                printer(batch)
            else:
                require_reader()
    except OutputClosedError:
        if not stopping.wait(TOGETHER_S):
            raise
