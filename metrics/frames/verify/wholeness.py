"""Completeness of partitions of the input: whether they still have every record that was read."""

from collections.abc import Iterable

from confluent_kafka import Consumer

from metrics.frames.core.frame import read_frame
from metrics.frames.core.state import PartitionState, State
from metrics.frames.verify.complete_from import FIRST_FRAMES, whole_from
from metrics.kafka.reader import PartitionRange, Streams


def windows_whole_from(streams: Streams, cut: Iterable[PartitionRange], state: State) -> int:
    """Return the second from which windows lack no frame of partitions that lost their first; 0 for no partitions.

    Args:
        cut: the remaining offset ranges of these partitions.
        state: the state that was counted from them.
    """
    whole = 0
    for span in cut:
        first = [read_frame(message.value()) for message in streams.first(span.topic, span.partition, FIRST_FRAMES)]
        whole = max(whole, whole_from(first, state.partitions[span.partition].newest, state.rules))
    return whole


def is_whole(consumer: Consumer, span: PartitionRange, at: PartitionState) -> bool:
    """Return whether a partition still has every record that its state was counted from.

    If its first offsets are gone, they may have been gone when it was first read; then the number of remaining records
    equals the number read. Only reading shows it, since offsets without records may make up for lost ones. If there
    are fewer offsets than records read, nothing has to be read.

    Args:
        span: the partition's remaining offsets, up to the position of its state.
    """
    read = at.tally.consumed
    if at.tally.lost or span.start == 0:
        return not at.tally.lost
    if span.end - span.start < read:
        return False
    return sum(1 for _ in Streams(consumer, [span]).of(span.topic, span.partition)) == read
