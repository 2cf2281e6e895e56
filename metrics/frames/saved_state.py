"""The state as committed offsets, so that anyone who may read the consumer group can read the state.

The committed offset of a partition is its restart offset. Its metadata contains the rest as JSON, at most 4,096 bytes
(`offset.metadata.max.bytes`). The metadata of the lowest partition also contains what all partitions share.
"""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec
from confluent_kafka import TopicPartition

from metrics.frames.core.state import MovedOver, PartitionState, Rules, State
from metrics.frames.core.windows import Series
from metrics.frames.sizes import MINUTE, SECOND
from metrics.frames.stream_health import UNKNOWN, StreamHealth
from metrics.kafka.job.heartbeat import Instance
from metrics.wording.errors import StateError

FIRST_S = SECOND.size_s, MINUTE.size_s  # these sizes have fixed places in the metadata: once, there were no others
_OLDEST = slice(9, 11)  # their places in PartitionState.oldest
_REST = 17  # the first place of what few states have

AFRESH = "start afresh with another CONSUMER_GROUP_ID and other output topics"


class WindowsMetadata(msgspec.Struct, array_like=True):
    """The part of the state that all partitions share."""

    topic_id: str
    instance: Instance
    rules: Rules
    closing_to: int
    second: Series
    minute: Series
    health: StreamHealth = UNKNOWN


class WindowsMetadataWithMore(WindowsMetadata):
    """The same with further sizes: their published windows, by the size in seconds."""

    more: dict[int, Series] = {}


class _Rest(msgspec.Struct, array_like=True):
    """The part of a partition's state that few have.

    That is `oldest` by further sizes, what resets and new rules left, and whether it is paused.
    """

    oldest: dict[int, int] = {}
    moved_over: MovedOver = MovedOver()
    judged_since: int = 0
    is_paused: bool = False


class _PartitionHandover(msgspec.Struct, array_like=True):
    """The part of a handover that is saved with a partition of the input: its end, -1 for none, and all `outputs`."""

    end: int
    outputs: dict[int, dict[int, int]] = {}


class Metadata(msgspec.Struct, array_like=True):
    """The metadata of one partition's committed offset, as an array: names would take half of its bytes.

    Attributes:
        version: 3 if there is a handover, which earlier versions of this program must not ignore.
        partition: the fields of PartitionState, except that `oldest` is split: seconds and minutes before `held_at`, -1
            if none is open, and further sizes at the end with the fields of `_Rest`, if there is something to save.
    """

    version: Literal[2, 3]
    partition: list[Any]
    windows: WindowsMetadataWithMore | None
    handover: _PartitionHandover | None = None


class Handover(NamedTuple):
    """Handover of a group to Flink: the state stays as it was then, and Flink publishes the following windows.

    Attributes:
        outputs: end offsets of the result topics by the size in seconds and the partition; later records are Flink's.
        ends: the offset of each partition of the input at which Flink stops; empty if it never does.
    """

    outputs: dict[int, dict[int, int]]
    ends: dict[int, int]


class SavedState(NamedTuple):
    """A committed state.

    Attributes:
        topic_id: id of the input topic; a topic that is deleted and created again has another one.
        instance: the instance that committed it.
        health: what the instance saw in the stream, for `status`.
        handover: None if the group is the application's.
    """

    state: State
    topic_id: str
    instance: Instance
    health: StreamHealth = UNKNOWN
    handover: Handover | None = None


def to_offsets(saved: SavedState, topic: str) -> list[TopicPartition]:
    """Encode a state as offsets with metadata."""
    state = saved.state
    windows: WindowsMetadata | None = _windows(saved)
    offsets = []
    for number, partition in sorted(state.partitions.items()):
        handover = _handed_over(saved.handover, number, is_first=windows is not None)
        text = msgspec.json.encode([3 if handover else 2, _fields(partition), windows, *handover]).decode()
        offsets.append(TopicPartition(topic, number, partition.restart_offset, metadata=text))
        windows = None
    return offsets


def from_offsets(offsets: Iterable[TopicPartition]) -> SavedState | None:
    """Decode a state from the committed offsets of all partitions; None if there are none.

    Raises:
        StateError: the metadata of an offset contains no state of this program.
    """
    saved = None
    for offset in sorted(offsets, key=lambda offset: offset.partition):
        partition, windows, handover = _read(offset)
        if windows is not None:
            saved = _shared(windows, handover)
        if saved is None:
            raise StateError(f"the state of {offset.topic} is incomplete: its first partition has none", hint=AFRESH)
        saved.state.partitions[offset.partition] = partition
        if saved.handover is not None and handover is not None and handover.end >= 0:
            saved.handover.ends[offset.partition] = handover.end
    return saved


def _shared(windows: WindowsMetadataWithMore, handover: _PartitionHandover | None) -> SavedState:
    """Decode a state without its partitions."""
    series = dict(zip(FIRST_S, (windows.second, windows.minute), strict=True)) | windows.more
    state = State(windows.closing_to, windows.rules, series, {})
    state.add_sizes()
    handed_over = None if handover is None else Handover(handover.outputs, {})
    return SavedState(state, windows.topic_id, windows.instance, windows.health, handed_over)


def _handed_over(handover: Handover | None, partition: int, *, is_first: bool) -> list[_PartitionHandover]:
    """Return what is saved with a partition, if the group is handed over."""
    if handover is None:
        return []
    return [_PartitionHandover(handover.ends.get(partition, -1), handover.outputs if is_first else {})]


def _windows(saved: SavedState) -> WindowsMetadata:
    state = saved.state
    more = dict(state.series)
    second, minute = map(more.pop, FIRST_S)
    shared = saved.topic_id, saved.instance, state.rules, state.closing_to, second, minute, saved.health
    return WindowsMetadataWithMore(*shared, more) if more else WindowsMetadata(*shared)


def _fields(at: PartitionState) -> list[Any]:
    *fields, oldest, moved_over, judged_since, is_paused = msgspec.structs.astuple(at)
    fields[_OLDEST.start : _OLDEST.start] = [oldest.get(size_s, -1) for size_s in FIRST_S]
    further = {size_s: start for size_s, start in oldest.items() if size_s not in FIRST_S}
    rest = _Rest(further, moved_over, judged_since, is_paused)
    return fields if rest == _Rest() else [*fields, *msgspec.structs.astuple(rest)]


def _partition(fields: list[Any]) -> PartitionState:
    """Decode the state of a partition; earlier versions may have left out the last fields."""
    at = msgspec.convert([*fields[: _OLDEST.start], *fields[_OLDEST.stop : _REST]], PartitionState)
    first = dict(zip(FIRST_S, msgspec.convert(fields[_OLDEST], list[int]), strict=False))
    rest = msgspec.convert(fields[_REST:], _Rest, str_keys=True)
    at.oldest = {size_s: start for size_s, start in (first | rest.oldest).items() if start >= 0}
    at.moved_over, at.judged_since, at.is_paused = rest.moved_over, rest.judged_since, rest.is_paused
    return at


def _read(
    offset: TopicPartition,
) -> tuple[PartitionState, WindowsMetadataWithMore | None, _PartitionHandover | None]:
    try:
        metadata = msgspec.json.decode(offset.metadata or "", type=Metadata)
        return _partition(metadata.partition), metadata.windows, metadata.handover
    except msgspec.DecodeError as error:
        raise StateError(
            f"the committed offset of {offset.topic}/{offset.partition} contains no state of this program",
            why=f"its metadata is {offset.metadata!r}: {error}",
            hint=AFRESH,
        ) from error
