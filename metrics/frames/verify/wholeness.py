"""Whether partitions of the input still hold all that was read of them."""

from confluent_kafka import Consumer

from metrics.frames.core.state import PartitionState
from metrics.kafka.reader import PartitionRange, Streams


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
