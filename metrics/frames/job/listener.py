"""Listeners of the loop."""

from metrics.frames.core.state import State
from metrics.frames.records import Record


class Listener:
    """Listener of the loop, called in the loop's thread; the loop blocks until it returns.

    By default, every method does nothing.
    """

    def closed(self, record: Record) -> None:
        """A window was closed; its record is in the open transaction."""

    def committed(self, state: State, took_s: float) -> None:
        """The windows closed so far are committed, together with this state, which will not change."""

    def rewound(self) -> None:
        """The windows closed since the last commit were not committed, and will be closed again."""

    def read(self, frames: int, took_s: float) -> None:
        """A batch of `frames` was counted in `took_s` seconds, excluding the wait for it."""

    def warned(self, line: str) -> None:
        """A human-readable message: an outage of the broker began or ended, or something is wrong with the stream."""
