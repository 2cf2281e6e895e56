"""The verdict on each frame of a run, the same for a live run and for a replay."""

from collections import Counter

from metrics.harvest.core.event import STREAMS, Event, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.reading import MalformedError, Reason, read_event, repeat_key


class StreamTally:
    """Counts of the frames of a stream: each is an event, repeated, or malformed for one reason."""

    def __init__(self) -> None:
        self.events = 0
        self.repeated = 0
        self.malformed: Counter[Reason] = Counter()

    @property
    def frames(self) -> int:
        """Number of all frames."""
        return self.events + self.repeated + self.malformed.total()


class Tally:
    """Counts of a run, and its rule to stop at a name.

    Args:
        name: first name of the users that stop the run.
        times: number of events of users with that name that stops the run.

    Attributes:
        streams: the counts of each stream.
        name_seen: number of events of users with that name.
    """

    def __init__(self, name: str, times: int) -> None:
        self._name = name
        self._times = times
        self._keys: set[int] = set()
        self.streams = {stream: StreamTally() for stream in STREAMS}
        self.name_seen = 0

    @property
    def is_full(self) -> bool:
        """Whether the name was seen `times` times, so the frame just taken is the last one of the run."""
        return self.name_seen >= self._times

    def take(self, frame: Frame, position: Position, received_us: int) -> Event | None:
        """Count the next frame of the run, and return its event; None if it is malformed or repeated.

        A valid event is repeated if an earlier valid one had the same platform and id.

        Args:
            position: of the frame.
            received_us: time of receipt, in microseconds since the epoch.
        """
        tally = self.streams[position.stream]
        try:
            event = read_event(frame, position, received_us)
        except MalformedError as error:
            tally.malformed[error.reason] += 1
            return None
        if (key := repeat_key(event)) is not None:
            if key in self._keys:
                tally.repeated += 1
                return None
            self._keys.add(key)
        tally.events += 1
        self.name_seen += event.first_name == self._name
        return event
