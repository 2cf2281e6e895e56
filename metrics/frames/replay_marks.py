"""What a replay of dead letters writes: a header of each replayed frame, and marks in the dead letter topic.

A mark is a record of the dead letter topic that names dead letters as replayed. It is written in the transaction that
sends their frames to the input topic, and follows them in their partition, so retention removes it last.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from confluent_kafka import Message

from metrics.errors import StateError
from metrics.kafka.record_metadata import Headers, headers_of
from metrics.message import KafkaMessage

REPLAY_OF = "replay_of"
_REPLAYED = "replayed"
_LONGEST_BYTES = 300  # of a place: the name of a topic has at most 249; other programs may write headers of that name


class Place(NamedTuple):
    """Place of a frame in the input, by which a frame and its dead letters are identified."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition} offset {self.offset}"


class _Replayed(msgspec.Struct, frozen=True):
    """The value of a mark: the offsets of the frames in the input topic, by partition."""

    topic: str
    offsets: dict[int, list[int]]


def mark_of(topic: str, places: Iterable[Place]) -> tuple[bytes, Headers]:
    """Return the value and headers of a mark of some frames of an input topic."""
    offsets: dict[int, list[int]] = {}
    for place in places:
        offsets.setdefault(place.partition, []).append(place.offset)
    return msgspec.json.encode(_Replayed(topic, offsets)), [(_REPLAYED, b"1")]


def is_mark(message: Message) -> bool:
    """Return whether a record of the dead letter topic is a mark, not a dead letter."""
    return any(name == _REPLAYED for name, _ in headers_of(message) or [])


def marked(message: Message) -> Iterator[Place]:
    """Yield the places of the frames that a mark names.

    Raises:
        StateError: it cannot be read.
    """
    try:
        replayed = msgspec.json.decode(message.value() or b"", type=_Replayed)
    except msgspec.DecodeError as error:
        raise StateError(
            f"{message.topic()}/{message.partition()} offset {message.offset()} is not a mark of this program",
            why=f"it has the header {_REPLAYED}, but: {error}",
            hint="without it, it is not known which frames were replayed; delete this record, and those before it",
        ) from error
    for partition, offsets in replayed.offsets.items():
        yield from (Place(replayed.topic, partition, offset) for offset in offsets)


def origin_header(message: KafkaMessage) -> Headers:
    """Return the header that says which frame a replayed one repeats; empty for all other frames."""
    headers = headers_of(message) or []
    return [(name, at) for name, at in headers if name == REPLAY_OF and len(at or b"") <= _LONGEST_BYTES][:1]
