"""Snapshot of a consumer group and its topics: the state, and the offset ranges of input and outputs."""

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from metrics.frames.core.state import State
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.start_state import require_not_handed_over, saved_state
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka import topics
from metrics.kafka.offsets import offset_ranges
from metrics.kafka.reader import PartitionRange
from metrics.wording.errors import StateError

MAX_TRIES = 5


class Snapshot:
    """State of a consumer group, and the ends of its topics at that moment.

    Attributes:
        is_settled: whether no commit came in between; if one did, the outputs may be newer than the state.
        outputs: the offset ranges of the output topics, by window size.
        republished: the offset ranges of the republished stream; empty if there is none.
    """

    def __init__(self, admin: AdminClient, consumer: Consumer, settings: Settings, in_use: TopicsInUse) -> None:
        counts = topics.partition_counts(admin)
        for _ in range(MAX_TRIES):
            self.state = _saved_state(consumer, settings, in_use)
            self.outputs = {size: _ranges(admin, settings.topic_of(size), counts) for size in SIZES}
            self.rejected = _ranges(admin, settings.rejected_topic, counts)
            stream = settings.output_stream
            self.republished = [] if stream is None else _ranges(admin, stream, counts)
            self.is_settled = _saved_state(consumer, settings, in_use) == self.state
            if self.is_settled:
                break
        held = offset_ranges(admin, settings.input_topic, in_use.input_partitions)
        self.input = [
            PartitionRange(settings.input_topic, number, max(held[number].low, at.judged_since), at.position)
            for number, at in sorted(self.state.partitions.items())
        ]


def _saved_state(consumer: Consumer, settings: Settings, in_use: TopicsInUse) -> State:
    topic = settings.input_topic
    saved = saved_state(consumer, topic, in_use.input_partitions)
    if saved is None:
        raise StateError(
            f"the group {settings.consumer_group_id} has no state: there is nothing to compare its outputs with",
            why="it never ran, or the broker expired its offsets (offsets.retention.minutes)",
            hint="run the job first, or set CONSUMER_GROUP_ID and the topics to those that it ran with",
        )
    if saved.topic_id != in_use.input_id:
        raise StateError(
            f"the topic {topic} was deleted and recreated",
            why=f"the outputs were counted from the topic with the id {saved.topic_id}, this one is {in_use.input_id}",
            hint="its frames are gone, so nothing can be recounted",
        )
    require_not_handed_over(saved, settings.consumer_group_id)
    return saved.state


def _ranges(admin: AdminClient, topic: str, counts: dict[str, int]) -> list[PartitionRange]:
    return [
        PartitionRange(topic, number, low, high)
        for number, (low, high) in offset_ranges(admin, topic, counts[topic]).items()
    ]
