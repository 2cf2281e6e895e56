"""JobSnapshot of a job: the frames that it has read, and the topics that it writes."""

from collections.abc import Callable

from confluent_kafka.admin import AdminClient

from metrics.frames import topics_in_use
from metrics.frames.core.state import PartitionState, State
from metrics.frames.flink import progress
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.sizes import SIZES, Size
from metrics.frames.status.observe import last_commit
from metrics.kafka import topics
from metrics.kafka.offsets import offset_ranges, open_transactions
from metrics.kafka.reader import PartitionRange
from metrics.wording.errors import StateError


class JobSnapshot:
    """The positions of a job, and then the ends of its topics: its records of all frames before are there.

    Attributes:
        state: where the job began: with nothing, or with the group's state at its handover.
        input: the frames that it has read, as of its last checkpoint; `cut` those whose first ones are gone.
        after: the frames after these.
        outputs: the offset ranges of its topics, by window size.
        open: the sizes with a transaction that is open: some records may not be visible yet.
    """

    def __init__(self, admin: AdminClient, settings: FlinkSettings) -> None:
        topic, partitions = settings.input_topic, topics_in_use.input_partitions(admin, settings)
        saved = last_commit(settings, partitions)
        is_of_group = saved is not None and saved.handover is not None
        self.state = saved.state if saved and is_of_group else State.fresh({}, settings.rules())
        positions = _positions(settings, settings.progress_group(is_of_group=is_of_group))
        for number in positions:  # all of them, or those that were added since the handover
            self.state.partitions.setdefault(number, PartitionState(0, 0))
        begins = {number: self.state.partitions[number].restart_offset for number in positions}
        ends = {number: max(begins[number], position or 0) for number, position in positions.items()}
        found = offset_ranges(admin, topic, partitions)
        self.input = [
            PartitionRange(topic, number, min(max(begins[number], found[number].low), end), end)
            for number, end in ends.items()
        ]
        self.cut = [part for part in self.input if part.start > begins[part.partition]]
        self.after = [PartitionRange(topic, number, end, max(end, found[number].high)) for number, end in ends.items()]
        self.outputs, self.open = _outputs(admin, settings, settings.topic_of if is_of_group else settings.flink_topic)


def _positions(settings: FlinkSettings, progress_group: str) -> dict[int, int | None]:
    positions = {at.partition: at.position for at in progress.partitions(settings, progress_group)}
    if all(position is None for position in positions.values()):
        raise StateError(
            f"it is not known which frames the job {settings.flink_name} has read: there is nothing to recount",
            why="it has completed no checkpoint, or the broker expired its offsets (offsets.retention.minutes)",
            hint="run it first: python app.py flink run; or set FLINK_TOPIC_SUFFIX to the one that it ran with",
        )
    return positions


def _outputs(
    admin: AdminClient, settings: FlinkSettings, topic_of: Callable[[Size], str]
) -> tuple[dict[Size, list[PartitionRange]], set[Size]]:
    wanted = {size.topic_setting.upper(): topic_of(size) for size in SIZES}
    counts = topics.require_listed(admin, settings.bootstrap_servers, wanted, lambda _: "python app.py flink run")
    outputs, are_open = dict[Size, list[PartitionRange]](), set[Size]()
    for size in SIZES:
        topic = topic_of(size)
        ranges = offset_ranges(admin, topic, counts[topic])
        outputs[size] = [PartitionRange(topic, number, *at) for number, at in ranges.items()]
        if open_transactions(admin, topic, ranges):
            are_open.add(size)
    return outputs, are_open
