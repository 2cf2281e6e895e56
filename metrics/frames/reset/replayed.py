"""Frames that `rejected replay` has sent: a reset over both, the frame and its copy, may count them twice."""

from collections.abc import Sequence

from confluent_kafka import Consumer

from metrics.frames.rejected.history import History
from metrics.frames.replay_marks import OffsetRanges
from metrics.kafka.reader import PartitionRange, Progress, Streams


def number_replayed(
    consumer: Consumer, letters: Sequence[PartitionRange], topic: str, again: OffsetRanges, progress: Progress
) -> int:
    """Return how many frames of some ranges of the input topic were replayed.

    Args:
        letters: the ranges of the dead letter topic.
        again: the ranges of the input topic.

    Raises:
        StateError: a mark cannot be read.
        BrokerError: the dead letter topic cannot be read.
    """
    history, streams = History(topic, None), Streams(consumer, letters)
    for at in letters:
        history.add(progress.over(at, streams.of(at.topic, at.partition)))
    ranges = ((place, again.get(place.partition, (0, 0))) for place in history.replayed if place.topic == topic)
    return sum(start <= place.offset < end for place, (start, end) in ranges)
