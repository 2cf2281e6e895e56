"""The timeline of a run, from its journal: when it stopped and why, and how long each stream was listened to."""

from typing import Literal, NamedTuple

from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped, StoppedBy

Outcome = Literal["read", "away", "refused", "ended"]

_NO_CONTENT = 204  # how a server says that a stream is over


class Listening(NamedTuple):
    """Time for which a stream was listened to, and its outcome.

    Attributes:
        listened_us: sum over connections, each from its request to its end or the stop.
        connections: the number that opened.
        outcome: `ended` if the server answered 204 after a connection; `refused` if the stream is never requested again
            for another reason; `away` if it never opened, or if its last request failed; else `read`.
        why: the last failure, as the predicate of a sentence about the stream; None for a stream that was read.
    """

    listened_us: int
    connections: int
    outcome: Outcome
    why: str | None


class _Stream:
    """The connections and the last failure of a stream, up to some entry of the journal."""

    def __init__(self) -> None:
        self.connections = 0
        self._closed_us = 0
        self._open_since_us: int | None = None
        self._failure: Failed | None = None  # since the last connection

    def open(self, entry: Opened) -> None:
        self.connections += 1
        self._open_since_us = entry.requested_us
        self._failure = None

    def close(self, entry: Closed) -> None:
        self._closed_us = self.listened_us(entry.at_us)
        self._open_since_us = None

    def fail(self, entry: Failed) -> None:
        self._failure = entry

    def listened_us(self, until_us: int) -> int:
        return self._closed_us + (0 if self._open_since_us is None else until_us - self._open_since_us)

    def outcome(self) -> tuple[Outcome, str | None]:
        failure = self._failure
        if failure is None:
            return ("read", None) if self.connections else ("away", "it did not answer before the run stopped")
        if not failure.is_final:
            return "away", failure.why
        return ("ended" if self.connections and failure.status == _NO_CONTENT else "refused"), failure.why


class Timeline:
    """The timeline of a run, up to the last entry of the journal that it took.

    Attributes:
        started: the journal's first line.
        now_us: time of the last entry.
        stopped_by: what stopped the run.
    """

    def __init__(self, started: Started) -> None:
        self.started = started
        self.now_us = started.at_us
        self.stopped_by: StoppedBy | Literal["killed"] = "killed"
        self._streams = {stream: _Stream() for stream in STREAMS}

    @property
    def stopped_at_us(self) -> int:
        """Time at which the run stopped; if it was killed, that of its last entry."""
        return self.now_us

    def take(self, entry: AnyEntry) -> None:
        """Take the next entry of the journal."""
        self.now_us = entry.at_us
        match entry:
            case Opened():
                self._streams[entry.stream].open(entry)
            case Closed():
                self._streams[entry.stream].close(entry)
            case Failed():
                self._streams[entry.stream].fail(entry)
            case Stopped():
                self.stopped_by = entry.by

    def listening(self, stream: str) -> Listening:
        """Return the time and outcome of a stream, as if the run had stopped with the last entry."""
        of_stream = self._streams[stream]
        return Listening(of_stream.listened_us(self.now_us), of_stream.connections, *of_stream.outcome())
