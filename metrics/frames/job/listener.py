"""Listeners of the loop: what is notified of its steps."""

from collections.abc import Sequence
from typing import Protocol

from metrics.frames.core.state import State
from metrics.frames.records import Record


class Listener(Protocol):
    """Listener of the loop, called in the loop's thread; the loop blocks until it returns."""

    def closed(self, record: Record) -> None:
        """A window was closed; its record is in the open transaction."""

    def committed(self, state: State, took_s: float) -> None:
        """What was closed so far is committed, together with this state, which will not change."""

    def rewound(self) -> None:
        """What was closed since the last commit was not committed, and will be closed again."""

    def read(self, frames: int, took_s: float) -> None:
        """A batch of `frames` was counted in `took_s` seconds, excluding the wait for it."""

    def troubled(self, what: str) -> None:
        """An outage of the broker has begun or is over, or something is wrong with the stream; a line for people."""


class Listeners:
    """Several listeners, notified in their order."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def closed(self, record: Record) -> None:  # noqa: D102
        for listener in self._listeners:
            listener.closed(record)

    def committed(self, state: State, took_s: float) -> None:  # noqa: D102
        for listener in self._listeners:
            listener.committed(state, took_s)

    def rewound(self) -> None:  # noqa: D102
        for listener in self._listeners:
            listener.rewound()

    def read(self, frames: int, took_s: float) -> None:  # noqa: D102
        for listener in self._listeners:
            listener.read(frames, took_s)

    def troubled(self, what: str) -> None:  # noqa: D102
        for listener in self._listeners:
            listener.troubled(what)
