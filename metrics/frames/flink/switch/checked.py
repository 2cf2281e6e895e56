"""The frames that Flink has counted, counted again by the application's core, and compared with what is published."""

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from metrics.frames.core.counter import Counter
from metrics.frames.core.partition import RejectedFrame
from metrics.frames.core.state import State
from metrics.frames.records import Record
from metrics.frames.reset.replay import Replay
from metrics.frames.saved_state import AFRESH
from metrics.frames.sizes import SIZES, size_of
from metrics.messages.interface import KafkaMessage
from metrics.time.moments import rfc3339
from metrics.wording.errors import StateError

LET_FLINK_CONTINUE = "let Flink continue from its savepoint: python app.py flink run --from-group --restore PATH"


class Published(NamedTuple):
    """Record that Flink has published: the start of its window, and its value."""

    start: int
    value: bytes


class CheckedReplay(Replay):
    """Replay of the frames since a handover, up to the last window that Flink has published.

    That window's end is a watermark that Flink had reached in every partition, so each is read until it has, too: then
    the remaining frames are judged as they would have been without a handover.

    Args:
        counter: restored from the group's state at the handover, and resumed.
        published: Flink's records by the size in seconds, in the order of their windows.
        ends: the offset of each partition at which it stops.
        bounded: the partitions that Flink, too, read no further than to their ends.

    Attributes:
        missing: records of windows that were not published: of one size, Flink may have committed more than of another.
        dead_letters: frames that do not count.
    """

    def __init__(
        self,
        counter: Counter,
        published: Mapping[int, Sequence[Published]],
        ends: Mapping[int, int],
        bounded: Collection[int] = (),
    ) -> None:
        self._through = max(
            counter.windows.closing_to,
            *(size_of(size_s).end_of(records[-1].start) for size_s, records in published.items() if records),
            0,
        )
        super().__init__(counter, ends, until=self._through, close_to=self._through)
        self._left = {size.size_s: deque(published[size.size_s]) for size in SIZES}
        self._bounded = frozenset(bounded)
        self.missing: list[Record] = []
        self.dead_letters: list[RejectedFrame] = []

    def run(self, read: Callable[[int], Sequence[KafkaMessage]]) -> State:
        """Count all frames, and return the state of a group that has published the same windows.

        Raises:
            StateError: Flink has published a record that the application would not have.
        """
        super().run(read)
        counter = self._counter
        if self._bounded and self._bounded <= self._ended:
            counter.resolve()
        for record in counter.close_to(self._through):
            self.closed(record)
        for partition in counter.partitions.values():
            self._take_rejected(partition)
        for size_s, left in self._left.items():
            if left:
                raise _differs(size_s, left[0], "none")
        return counter.state()

    def closed(self, record: Record) -> None:
        """Compare a record with the next one of its size that is published."""
        left, value = self._left[record.size.size_s], record.value()
        if not left:
            self.missing.append(record)
        elif (found := left.popleft()) != (record.start, value):
            raise _differs(record.size.size_s, found, f"{record.key} {value.decode()}")

    def rejected(self, frame: RejectedFrame) -> None:
        """Keep a frame that does not count."""
        self.dead_letters.append(frame)


def _differs(size_s: int, found: Published, expected: str) -> StateError:
    return StateError(
        f"Flink has published a {size_of(size_s).name} that the application would not have published",
        why=f"published: {rfc3339(found.start)} {found.value.decode(errors='backslashreplace')}\nexpected:  {expected}",
        hint=f"{LET_FLINK_CONTINUE}\nor {AFRESH}",
    )
