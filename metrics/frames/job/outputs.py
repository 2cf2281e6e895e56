"""The sink of frames: records of windows, dead letters, republished frames, offsets and state, in one transaction."""

import time
from collections.abc import Sequence

from metrics.frames.core.frame import Reason, Rejection
from metrics.frames.core.partition import RejectedFrame
from metrics.frames.core.state import State
from metrics.frames.records import Record
from metrics.frames.replay_marks import OffsetRanges, origin_header, read_again
from metrics.frames.saved_state import Handover, SavedState, to_offsets
from metrics.frames.settings import Settings
from metrics.frames.stream_health import UNKNOWN, StreamHealth
from metrics.frames.topics_in_use import TopicsInUse
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.retry import RetryBudget
from metrics.kafka.job.transaction import ANY_PARTITION, Transaction
from metrics.kafka.record_metadata import Headers, headers_of
from metrics.messages.interface import KafkaMessage

# Upper bounds of the overhead of a record with its batch, and of a header.
_FRAMING_BYTES, _FRAMING_BYTES_PER_HEADER = 128, 10


class FrameSink:
    """Sink of everything that a run of frames sends, in the open transaction of its instance.

    Args:
        budget: reset by each commit; also reports, once, frames that a topic does not accept.
    """

    def __init__(
        self,
        transaction: Transaction,
        settings: Settings,
        in_use: TopicsInUse,
        instance: Instance,
        budget: RetryBudget,
    ) -> None:
        self._transaction = transaction
        self._settings = settings
        self._in_use = in_use
        self._instance = instance
        self._budget = budget

    def publish(self, record: Record) -> None:
        """Send the record of a closed window to the topic of its size; its timestamp is the window's start."""
        topic = self._settings.topic_of(record.size)
        timestamp_ms = self._taken_timestamp_ms(topic, record.start * 1000)
        self._transaction.send(topic, record.key.encode(), record.value(), timestamp_ms, [])

    def reject(self, rejected: RejectedFrame) -> None:
        """Send a frame that does not count, or cannot be republished, to the dead letter topic.

        Its bytes are unchanged; the headers are reason and origin, with `ts` and `event_time` if known, and the frame
        that a replayed one repeats. A frame that is too large for the topic is cut, with its size in a header; the
        other headers locate the whole frame.
        """
        message, rejection, ts, event_time = rejected
        headers: Headers = [
            ("reason", str(rejection.reason).encode()),
            ("detail", rejection.detail.encode()),
            ("topic", message.topic().encode()),
            ("partition", b"%d" % message.partition()),
            ("offset", b"%d" % message.offset()),
            *((name, b"%d" % time_s) for name, time_s in (("ts", ts), ("event_time", event_time)) if time_s >= 0),
            *origin_header(message),
        ]
        topic, key, value = self._settings.rejected_topic, message.key(), message.value()
        room_bytes = self._in_use.limits[topic].size_bytes - _FRAMING_BYTES - _size_bytes(headers)
        if len(key or b"") + len(value or b"") > room_bytes:
            headers.append(("cut_from_bytes", b"%d" % len(value or b"")))
            key = (key or b"")[: room_bytes // 2]
            value = (value or b"")[: room_bytes - len(key)]
        self._transaction.send(topic, key, value, self._taken_timestamp_ms(topic, message.timestamp()[1]), headers)

    def mark_read_again(self, ranges: OffsetRanges) -> None:
        """Mark the dead letters so far of frames that will be read again, in each partition of their topic."""
        value, headers = read_again(self._settings.input_topic, ranges)
        topic, now_ms = self._settings.rejected_topic, int(time.time() * 1000)
        for partition in range(self._in_use.limits[topic].partitions):
            self._transaction.send(topic, None, value, now_ms, headers, partition)

    def republish_valid(self, messages: Sequence[KafkaMessage], rejected: Sequence[RejectedFrame]) -> None:
        """Send frames to OUTPUT_STREAM if it is set: key, bytes, headers, timestamp, and the partition if it exists.

        Late, held and future frames are valid; only invalid messages are left out. A frame that is too large for the
        topic, or whose headers cannot be read, still counts, but becomes a dead letter.

        Args:
            rejected: the rejected frames of the partition, from this batch and before.
        """
        topic = self._settings.output_stream
        if topic is None:
            return
        invalid = {frame.message.offset() for frame in rejected if frame.is_invalid()}
        limits = self._in_use.limits[topic]
        earliest_ms, latest_ms = limits.timestamps_ms(int(time.time() * 1000))
        for message in messages:
            if invalid and message.offset() in invalid:
                continue
            key, value, headers = message.key(), message.value() or b"", headers_of(message)
            if headers is None:
                self._reject_unreadable_headers(message, topic)
                continue
            size_bytes = len(key or b"") + len(value) + (_size_bytes(headers) if headers else 0) + _FRAMING_BYTES
            if size_bytes > limits.size_bytes:
                self._reject_too_large(message, size_bytes, topic)
                continue
            timestamp_ms = message.timestamp()[1]
            if not earliest_ms <= timestamp_ms <= latest_ms:
                timestamp_ms = self._taken_timestamp_ms(topic, timestamp_ms)
            partition = message.partition() if message.partition() < limits.partitions else ANY_PARTITION
            self._transaction.send(topic, key, value, timestamp_ms, headers, partition)

    def commit(self, state: State, health: StreamHealth = UNKNOWN) -> None:
        """Commit what was sent, together with the resulting state; this ends an outage.

        Raises:
            TransactionLostError: nothing was committed; resume from the last commit.
        """
        had_records = self._transaction.is_open
        self._commit(state, health)
        if had_records:
            self._budget.reset()
        else:
            self._budget.record_answer()

    def heartbeat(self, state: State) -> None:
        """Commit the unchanged state, to show that this instance is active; this does not end an outage."""
        self._commit(state, UNKNOWN)

    def retire(self, state: State, health: StreamHealth = UNKNOWN) -> None:
        """Commit for the last time, so that a standby may take over."""
        self._instance = self._instance.stopped()
        self.commit(state, health)

    def hand_over(self, state: State, handover: Handover) -> None:
        """Commit for the last time, and leave what follows to Flink."""
        self._instance = self._instance.stopped()
        self._commit(state, UNKNOWN, handover)

    def close(self) -> None:
        """Abort what was sent since the last commit."""
        self._transaction.close()

    def _commit(self, state: State, health: StreamHealth, handover: Handover | None = None) -> None:
        self._instance = self._instance.with_heartbeat()
        saved = SavedState(state, self._in_use.input_id, self._instance, health, handover)
        self._transaction.commit(to_offsets(saved, self._settings.input_topic))

    def _reject_too_large(self, message: KafkaMessage, size_bytes: int, topic: str) -> None:
        most_bytes = self._in_use.limits[topic].size_bytes
        why = f"it needs {size_bytes:,} bytes, and max.message.bytes of {topic} is {most_bytes:,}"
        self.reject(RejectedFrame(message, Rejection(Reason.TOO_LARGE, f"counted, and not republished: {why}")))
        self._budget.report_once(
            Reason.TOO_LARGE,
            f"frames too large for {topic} are counted, but not republished: they go to "
            f"{self._settings.rejected_topic} as {Reason.TOO_LARGE}; reported once\n"
            f"why: the first is {message.topic()}/{message.partition()} offset {message.offset()}; {why}\n"
            f"hint: kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={size_bytes}\n"
            "and restart",
        )

    def _reject_unreadable_headers(self, message: KafkaMessage, topic: str) -> None:
        why = "the name of a header is not UTF-8"
        rejection = Rejection(Reason.UNREADABLE_HEADERS, f"counted, and not republished: {why}")
        self.reject(RejectedFrame(message, rejection))
        self._budget.report_once(
            Reason.UNREADABLE_HEADERS,
            f"frames whose headers cannot be read are counted, but not republished to {topic}: they go to "
            f"{self._settings.rejected_topic} as {Reason.UNREADABLE_HEADERS}; reported once\n"
            f"why: the first is {message.topic()}/{message.partition()} offset {message.offset()}; {why}",
        )

    def _taken_timestamp_ms(self, topic: str, timestamp_ms: int) -> int:
        return self._in_use.limits[topic].nearest_ms(timestamp_ms, int(time.time() * 1000))


def _size_bytes(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value or b"") + _FRAMING_BYTES_PER_HEADER for name, value in headers)
