"""Completeness of the input: whether partitions still have every record that was read; if not, of its windows."""

from collections.abc import Iterable

from confluent_kafka import Consumer

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.core.reading import reader
from metrics.frames.core.state import PartitionState, Rules, State
from metrics.frames.sizes import largest
from metrics.kafka.reader import PartitionRange, Streams

FIRST_FRAMES = 100


def windows_whole_from(streams: Streams, cut: Iterable[PartitionRange], state: State) -> int:
    """Return the second from which windows lack no frame of partitions that lost their first; 0 for no partitions.

    Args:
        cut: the remaining offset ranges of these partitions.
        state: the state that was counted from them.
    """
    whole, read = 0, reader(state.rules.shape)
    for part in cut:
        first = [read(message) for message in streams.first(part.topic, part.partition, FIRST_FRAMES)]
        whole = max(whole, _whole_from(first, state.partitions[part.partition].newest, state.rules))
    return whole


def _whole_from(first: Iterable[Frame | Rejection], newest: int, rules: Rules) -> int:
    """Return the start of the first window, of the largest size, that lacks no frame of a partition; 0 if unknown.

    Event time before the first remaining frame is unknown, but it was not far above that of the next frames; if none
    remain, not above the state's.

    Args:
        first: the first remaining frames, at most FIRST_FRAMES.
        newest: the event clock of the state.
    """
    seen = sorted(frame.ts for frame in first if isinstance(frame, Frame))
    near = [ts for ts in seen if ts <= seen[len(seen) // 2] + rules.future_limit_s]
    last = near[-1] + rules.lateness_s if near else newest
    return largest().end_of(last) if last >= 0 else 0


def is_whole(consumer: Consumer, part: PartitionRange, at: PartitionState) -> bool:
    """Return whether a partition still has every record that its state was counted from.

    If its first offsets are gone, they may have been gone when it was first read; then the number of remaining records
    equals the number read. Only reading shows it, since offsets without records may make up for lost ones. If there
    are fewer offsets than records read, nothing has to be read.

    Args:
        part: the partition's remaining offsets, up to the position of its state.
    """
    read = at.tally.consumed
    if at.tally.lost or part.start == 0:
        return not at.tally.lost
    if part.end - part.start < read:
        return False
    return sum(1 for _ in Streams(consumer, [part]).of(part.topic, part.partition)) == read
