"""What replays and resets write beside dead letters: a header of each replayed frame, and marks.

A mark is a record of the dead letter topic that is not a dead letter. It follows the dead letters that it is about in
their partition, so retention removes it last. That of a replay names the frames that it sends, and is written in their
transaction; those of a reset, in its own, name the ranges of frames that are read again: their dead letters so far no
longer say what became of them.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec
from confluent_kafka import Message

from metrics.kafka.record_metadata import Headers, headers_of
from metrics.messages.interface import KafkaMessage
from metrics.wording.errors import StateError

REPLAY_OF = "replay_of"
_REPLAYED, _READ_AGAIN = "replayed", "read_again"
_LONGEST_BYTES = 300  # of a place: the name of a topic has at most 249; other programs may write headers of that name

OffsetRanges = Mapping[int, tuple[int, int]]  # [start, end) by partition


class Place(NamedTuple):
    """Place of a frame in the input, by which a frame and its dead letters are identified."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


class Replayed(msgspec.Struct, frozen=True):
    """The mark of a replay: the offsets of the frames in the input topic, by partition."""

    topic: str
    offsets: dict[int, list[int]]

    def places(self) -> Iterator[Place]:
        """Yield the places of the frames."""
        for partition, offsets in self.offsets.items():
            yield from (Place(self.topic, partition, offset) for offset in offsets)


class ReadAgain(msgspec.Struct, frozen=True):
    """The mark of a reset: the ranges of offsets in the input topic that are read again."""

    topic: str
    ranges: dict[int, tuple[int, int]]

    def includes(self, place: Place) -> bool:
        """Return whether a frame is read again."""
        start, end = self.ranges.get(place.partition, (0, 0))
        return place.topic == self.topic and start <= place.offset < end


def replayed(topic: str, places: Iterable[Place]) -> tuple[bytes, Headers]:
    """Return the value and headers of the mark of a replay of some frames of an input topic."""
    offsets: dict[int, list[int]] = {}
    for place in places:
        offsets.setdefault(place.partition, []).append(place.offset)
    return msgspec.json.encode(Replayed(topic, offsets)), [(_REPLAYED, b"1")]


def read_again(topic: str, ranges: OffsetRanges) -> tuple[bytes, Headers]:
    """Return the value and headers of the mark of a reset of a group that reads an input topic."""
    return msgspec.json.encode(ReadAgain(topic, dict(ranges))), [(_READ_AGAIN, b"1")]


def is_mark(message: Message) -> bool:
    """Return whether a record of the dead letter topic is a mark, not a dead letter."""
    return any(name in {_REPLAYED, _READ_AGAIN} for name, _ in headers_of(message) or [])


def mark_in(message: Message) -> Replayed | ReadAgain:
    """Read a mark.

    Raises:
        StateError: it cannot be read.
    """
    is_replay = any(name == _REPLAYED for name, _ in headers_of(message) or [])
    kind: type[Replayed | ReadAgain] = Replayed if is_replay else ReadAgain
    try:
        return msgspec.json.decode(message.value() or b"", type=kind)
    except msgspec.DecodeError as error:
        raise StateError(
            f"{message.topic()}/{message.partition()} offset {message.offset()} is not a mark of this program",
            why=f"it has the header {_REPLAYED if is_replay else _READ_AGAIN}, but: {error}",
            hint="without it, it is not known which frames were counted since; delete this record, and those before it",
        ) from error


def origin_header(message: KafkaMessage) -> Headers:
    """Return the header that says which frame a replayed one repeats; empty for all other frames."""
    headers = headers_of(message) or []
    return [(name, at) for name, at in headers if name == REPLAY_OF and len(at or b"") <= _LONGEST_BYTES][:1]
