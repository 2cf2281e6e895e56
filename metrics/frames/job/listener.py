"""Listeners of the loop."""

from collections.abc import Sequence
from typing import Protocol

from metrics.frames.core.state import State
from metrics.frames.records import Record


class Listener(Protocol):
    """Listener of the loop, called in the loop's thread; the loop blocks until it returns."""

    def closed(self, record: Record) -> None:
        """A window was closed; its record is in the open transaction."""

    def committed(self, state: State, took_s: float) -> None:
        """The windows closed so far are committed, together with this state, which will not change."""

    def rewound(self) -> None:
        """The windows closed since the last commit were not committed, and will be closed again."""

    def read(self, frames: int, took_s: float) -> None:
        """A batch of `frames` was counted in `took_s` seconds, excluding the wait for it."""

    def troubled(self, what: str) -> None:
        """A line for people: an outage of the broker began or ended, or something is wrong with the stream."""


class Listeners:
    """Several listeners, notified in order."""

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
