"""The timeline of a run, from its journal: when it stopped and why, and how long each stream was listened to."""

from typing import Literal, NamedTuple

from metrics.harvest.core.event import STREAMS
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped, StoppedBy, Taken
from metrics.harvest.core.reconnect import LONGEST_BACKOFF_S

Outcome = Literal["read", "away", "refused", "ended"]
StreamState = Literal["connecting", "open", "waiting", "refused", "ended"]
StreamEntry = Opened | Taken | Closed | Failed

_NO_CONTENT = 204  # how a server says that a stream is over
_LONGEST_PAUSE_US = round(LONGEST_BACKOFF_S * 1e6)
_NO_ANSWER = "did not answer before the run stopped"


class Listening(NamedTuple):
    """Time for which a stream was listened to, and its outcome.

    Attributes:
        listened_us: sum over connections, each from its request to its end or the stop.
        connections: the number that opened.
        outcome: `read` if the stream is open, or if its last connection had a frame and ended at most 2 s before, and
            no request has failed since; `ended` and `refused` as in its state; else `away`.
        why: the last failure or end of a connection, as the predicate of a sentence about the stream; None for a stream
            that was read.
        status: HTTP status of that failure; None without one.
    """

    listened_us: int
    connections: int
    outcome: Outcome
    why: str | None
    status: int | None = None


class StreamTimeline:
    """The connections and failures of a stream, up to the last entry of the journal about it.

    Attributes:
        connections: the number that opened.
        frames: the number that the last connection brought.
    """

    def __init__(self) -> None:
        self.connections = 0
        self.frames = 0
        self._closed_us = 0  # duration of the connections that ended
        self._last: Opened | Closed | Failed | None = None
        self._requested_us = 0

    def take(self, entry: StreamEntry) -> None:
        """Take the next entry about the stream."""
        match entry:
            case Taken():
                self.frames += 1
                return
            case Opened():
                self.connections += 1
                self.frames = 0
                self._requested_us = entry.requested_us
            case Closed():
                self._closed_us += entry.at_us - self._requested_us
        self._last = entry

    @property
    def state(self) -> StreamState:
        """The state: `ended` after a 204 that followed a connection, `refused` after any other final response."""
        match self._last:
            case None:
                return "connecting"
            case Opened():
                return "open"
            case Closed() | Failed(is_final=False):
                return "waiting"
            case Failed(status=status):
                return "ended" if self.connections and status == _NO_CONTENT else "refused"

    @property
    def why(self) -> str | None:
        """The last failure, or end of a connection, in words; None while it is open or before its first response."""
        return self._last.why if isinstance(self._last, Closed | Failed) else None

    def listening(self, until_us: int) -> Listening:
        """Return the time and outcome of the stream, as if the run had stopped then."""
        open_us = until_us - self._requested_us if self.state == "open" else 0
        outcome = self._outcome(until_us)
        why = None if outcome == "read" else self.why or _NO_ANSWER
        status = self._last.status if isinstance(self._last, Failed) else None
        return Listening(self._closed_us + open_us, self.connections, outcome, why, status)

    def _outcome(self, until_us: int) -> Outcome:
        match self.state:
            case "open":
                return "read"
            case "refused" | "ended" as over:
                return over
        match self._last:
            case Closed(at_us=closed_us) if self.frames and until_us - closed_us <= _LONGEST_PAUSE_US:
                return "read"
        return "away"


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
        self._streams = {stream: StreamTimeline() for stream in STREAMS}

    @property
    def stopped_at_us(self) -> int:
        """Time at which the run stopped; if it was killed, that of its last entry."""
        return self.now_us

    def take(self, entry: AnyEntry) -> None:
        """Take the next entry of the journal."""
        self.now_us = entry.at_us
        if isinstance(entry, Stopped):
            self.stopped_by = entry.by
        elif not isinstance(entry, Started):
            self._streams[entry.stream].take(entry)

    def listening(self, stream: str) -> Listening:
        """Return the time and outcome of a stream, as if the run had stopped with the last entry."""
        return self._streams[stream].listening(self.now_us)
