"""The state as committed offsets, so that anyone who may read the consumer group can read the state.

The committed offset of a partition is its restart offset. The metadata beside it holds the rest as JSON, at most 4,096
bytes (`offset.metadata.max.bytes`). What belongs to all partitions together is in the metadata of the lowest one.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec
from confluent_kafka import TopicPartition

from metrics.errors import StateError
from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.job.signs import NONE, Signs
from metrics.kafka.job.heartbeat import Instance

ANEW = "count anew with another CONSUMER_GROUP_ID and other output topics"


class WindowsMetadata(msgspec.Struct, array_like=True):
    """What belongs to all partitions together."""

    topic_id: str
    instance: Instance
    rules: Rules
    closing_to: int
    seconds: Series
    minutes: Series
    signs: Signs = NONE


class Metadata(msgspec.Struct, array_like=True):
    """The metadata of one partition's committed offset, as an array: names would take half of its bytes."""

    version: Literal[2]
    partition: PartitionState
    windows: WindowsMetadata | None


class SavedState(NamedTuple):
    """A state as it was committed.

    Attributes:
        topic_id: id of the input topic; a topic that is deleted and created again has another one.
        instance: the process that committed it.
        signs: what it saw, for `status`.
    """

    state: State
    topic_id: str
    instance: Instance
    signs: Signs = NONE


def to_offsets(saved: SavedState, topic: str) -> list[TopicPartition]:
    """Write a state as offsets with metadata."""
    state = saved.state
    windows: WindowsMetadata | None = WindowsMetadata(
        saved.topic_id, saved.instance, state.rules, state.closing_to, state.seconds, state.minutes, saved.signs
    )
    offsets = []
    for number, partition in sorted(state.partitions.items()):
        text = msgspec.json.encode(Metadata(2, partition, windows)).decode()
        offsets.append(TopicPartition(topic, number, partition.low_water, metadata=text))
        windows = None
    return offsets


def from_offsets(offsets: Iterable[TopicPartition]) -> SavedState | None:
    """Read a state back from the committed offsets of all partitions that have one; None if none has.

    Raises:
        StateError: an offset's metadata is not this program's.
    """
    saved = None
    for offset in sorted(offsets, key=lambda offset: offset.partition):
        metadata = _metadata(offset)
        if metadata.windows is not None:
            windows = metadata.windows
            state = State(windows.closing_to, windows.rules, windows.seconds, windows.minutes, {})
            saved = SavedState(state, windows.topic_id, windows.instance, windows.signs)
        if saved is None:
            raise StateError(f"the state of {offset.topic} is incomplete: its first partition has none", now=ANEW)
        saved.state.partitions[offset.partition] = metadata.partition
    return saved


def _metadata(offset: TopicPartition) -> Metadata:
    try:
        return msgspec.json.decode(offset.metadata or "", type=Metadata)
    except msgspec.DecodeError as error:
        raise StateError(
            f"the committed offset of {offset.topic}/{offset.partition} holds no state of this program",
            why=f"its metadata is {offset.metadata!r}: {error}",
            now=ANEW,
        ) from error
