"""Whether partitions of the input still hold all that was read of them."""

from collections.abc import Iterable

from confluent_kafka import Consumer

from metrics.frames.core.frame import read_frame
from metrics.frames.core.state import PartitionState, State
from metrics.frames.verify.complete_from import FIRST_FRAMES, whole_from
from metrics.kafka.reader import PartitionRange, Streams


def windows_whole_from(streams: Streams, cut: Iterable[PartitionRange], state: State) -> int:
    """Return from where on windows lack no frame of partitions that lost their first ones; 0 for none.

    Args:
        cut: what these partitions still hold.
        state: what was counted of them.
    """
    whole = 0
    for span in cut:
        first = [read_frame(message.value()) for message in streams.first(span.topic, span.partition, FIRST_FRAMES)]
        whole = max(whole, whole_from(first, state.partitions[span.partition].newest, state.rules))
    return whole


def is_whole(consumer: Consumer, span: PartitionRange, at: PartitionState) -> bool:
    """Tell whether a partition still holds every record that its state was counted from.

    Where its first offsets are gone, these may have been gone when it was first read. Then as many records are left as
    were read, and only reading tells how many that is: offsets that hold none may be as many as the records that are
    gone. Where even the offsets are fewer, nothing has to be read.

    Args:
        span: what the partition holds up to the position of its state.
    """
    read = at.tally.consumed
    if at.tally.lost or span.start == 0:
        return not at.tally.lost
    if span.end - span.start < read:
        return False
    return sum(1 for _ in Streams(consumer, [span]).of(span.topic, span.partition)) == read
