"""What the dead letter topic says of all that happened to rejected frames: replays, and resets that read them again."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable

from confluent_kafka import Message

from metrics.frames.core.state import State
from metrics.frames.rejected.letters import Letter
from metrics.frames.replay_marks import Place, ReadAgain, Replayed, is_mark, mark_in

_Kind = tuple[int, str]  # partition of the input, and reason


class History:
    """Knowledge of the frames of one input topic, from the records of the dead letter topic, in their order.

    Args:
        state: of the group; None if nothing is known of it.

    Attributes:
        replayed: frames that were replayed; a replay adds those that it sends.
        written: numbers of dead letters by partition of the input and reason: those about frames that the state has
            counted, without those from before a reset that read their frames again.
    """

    def __init__(self, topic: str, state: State | None) -> None:
        self.replayed: set[Place] = set()
        self.written: Counter[_Kind] = Counter()
        self._topic = topic
        self._state = state
        self._resets: dict[int, list[tuple[int, ReadAgain]]] = defaultdict(list)

    def add(self, messages: Iterable[Message]) -> None:
        """Add the records of one partition of the dead letter topic.

        Raises:
            StateError: a mark cannot be read.
        """
        offsets: dict[_Kind, array[int]] = defaultdict(lambda: array("q"))
        for message in messages:
            if not is_mark(message):
                letter = Letter.of(message)
                if (place := letter.place) is not None and self._has_counted(place):
                    offsets[place.partition, letter.reason].append(place.offset)
                continue
            match mark_in(message):
                case Replayed() as mark:
                    self.replayed.update(mark.places())
                case ReadAgain() as mark if mark.topic == self._topic:
                    self._resets[message.partition() or 0].append((message.offset() or 0, mark))
                    for (partition, _), of in offsets.items():
                        of[:] = array("q", (at for at in of if not mark.includes(Place(self._topic, partition, at))))
        for kind, of in offsets.items():
            self.written[kind] += len(of)

    def last_reset(self, letter: Letter, place: Place) -> int:
        """Return the offset of the last mark, in its partition, of a reset that read its frame again; -1 if none did.

        A dead letter before it is superseded by what became of the frame since.
        """
        resets = self._resets[letter.message.partition() or 0]
        return max((offset for offset, mark in resets if mark.includes(place)), default=-1)

    def _has_counted(self, place: Place) -> bool:
        at = None if self._state is None else self._state.partitions.get(place.partition)
        return at is not None and place.topic == self._topic and place.offset < at.position
