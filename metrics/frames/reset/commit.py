"""Commit of a reset: offsets and state in one transaction, unless an instance of the group is active."""

import msgspec
from confluent_kafka import Consumer

from metrics.frames.core.state import State
from metrics.frames.job.takeover import taken_over
from metrics.frames.reset.state import read_again_by
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.status.facts import Seen
from metrics.frames.topics_in_use import TopicsInUse


def commit(consumer: Consumer, settings: Settings, in_use: TopicsInUse, seen: Seen, after: State) -> None:
    """Commit offsets and state in one transaction, under the transactional id of the job.

    An instance that has started meanwhile is fenced by this, or fences it: only one of the two takes effect.

    Args:
        seen: the group when the new state was computed.
        after: the new state.

    Raises:
        FencedError: an instance has started since then; nothing was changed.
        BrokerError: the broker does not answer, or refuses.
    """
    known = {number: at for number, at in seen.state.partitions.items() if number not in seen.new}
    expected = (msgspec.structs.replace(seen.state, partitions=known), in_use.input_id, seen.instance_id)

    def is_unmoved(saved: SavedState | None) -> bool:
        return saved is not None and (saved.state, saved.topic_id, saved.instance.id) == expected

    with taken_over(consumer, settings, in_use, is_unmoved) as sink:
        if ranges := read_again_by(seen.state, after):
            sink.mark_read_again(ranges)
        sink.retire(after)
