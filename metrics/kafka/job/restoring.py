"""Restoring of a job's state, as the options of its command say."""

from collections.abc import Callable
from typing import Protocol


class Restorable(Protocol):
    """Processor whose loss of records may be accepted, and whose input may be given an end."""

    def end_here(self) -> None:
        """Stop at the current end of the input."""

    def restore(self) -> None:
        """Restore the state of the last commit, and continue from there.

        Raises:
            StateError: the state cannot be used, or data that it needs is gone.
        """

    def restore_accepting_loss(self) -> list[str]:
        """Restore what is left of the last commit; return a line for each loss."""


def restore(processor: Restorable, warn: Callable[[str], None], *, until_end: bool, accept_loss: bool) -> None:
    """Restore a processor's state, once its instance has taken over.

    Args:
        warn: called with a line for each loss that is accepted.
        until_end: stop at the current end of the input.
        accept_loss: continue even if data is gone.

    Raises:
        StateError: data is gone, or the state cannot be used.
    """
    if until_end:
        processor.end_here()
    if not accept_loss:
        processor.restore()
        return
    for loss in processor.restore_accepting_loss():
        warn(f"accepted: {loss}")
