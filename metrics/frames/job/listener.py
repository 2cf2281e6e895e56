"""Who is told what the loop does."""

from collections.abc import Sequence
from typing import Protocol

from metrics.frames.core.state import State
from metrics.frames.core.windows import Record


class Watcher(Protocol):
    """Is told what the loop does, in its own thread: it waits for as long as it takes."""

    def closed(self, record: Record) -> None:
        """A window was closed; its record is in the open transaction."""

    def committed(self, state: State, took_s: float) -> None:
        """What was closed so far is committed, and this state with it; nothing in it will change."""

    def rewound(self) -> None:
        """What was closed since the last commit was not, and will be closed again."""

    def read(self, frames: int, took_s: float) -> None:
        """A batch was read, of so many frames, and these were counted; to wait for them is no part of the time."""

    def troubled(self, what: str) -> None:
        """The broker makes trouble, or answers again."""


class Watchers:
    """Several watchers, told in their order."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    def closed(self, record: Record) -> None:
        """Tell all that a window was closed."""
        for watcher in self._watchers:
            watcher.closed(record)

    def committed(self, state: State, took_s: float) -> None:
        """Tell all that it is committed."""
        for watcher in self._watchers:
            watcher.committed(state, took_s)

    def rewound(self) -> None:
        """Tell all that it was not committed."""
        for watcher in self._watchers:
            watcher.rewound()

    def read(self, frames: int, took_s: float) -> None:
        """Tell all that a batch was read."""
        for watcher in self._watchers:
            watcher.read(frames, took_s)

    def troubled(self, what: str) -> None:
        """Tell all of trouble."""
        for watcher in self._watchers:
            watcher.troubled(what)
