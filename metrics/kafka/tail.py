"""The newest records of topics, as they are committed."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from metrics.kafka.clients import assign, open_consumer
from metrics.kafka.errors import text_of
from metrics.kafka.reader import BATCH_RECORDS, PartitionRange, require_readable
from metrics.kafka.settings import KafkaSettings

# How long a call waits for the next record, and then for those committed together with it.
WAIT_S, TOGETHER_S = 0.5, 0.05
# Errors that the client recovers from by itself, but that should be reported.
_OUTAGE = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART})


class Tail:
    """Records that follow some offset ranges, as they are committed.

    Args:
        on_outage: called with a line when the broker or a topic is gone, once until records come again; reading waits.
    """

    def __init__(
        self, settings: KafkaSettings, ranges: Sequence[PartitionRange], on_outage: Callable[[str], None]
    ) -> None:
        self._on_outage = on_outage
        self._reported: set[int] = set()
        self._said = ""
        self._consumer: Consumer = open_consumer(settings, self._hear)
        assign(self._consumer, [TopicPartition(bounds.topic, bounds.partition, bounds.end) for bounds in ranges])

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def records(self, stopping: Event) -> Iterator[list[Message]]:
        """Yield batches of records, an empty one after WAIT_S, until `stopping` is set.

        Raises:
            StateError: the records to be read next are gone.
            BrokerError: a topic cannot be read.
        """
        while not stopping.is_set():
            first = self._consumer.poll(WAIT_S)
            messages = [] if first is None else [first, *self._consumer.consume(BATCH_RECORDS, TOGETHER_S)]
            records = []
            for message in messages:
                require_readable(message)
                error = message.error()
                if error is None:
                    self._reported.clear()
                    records.append(message)
                else:
                    self._report(error)
            yield records

    def _hear(self, error: KafkaError) -> None:
        """Note errors of connections: the client first reports why one failed, then that all did."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._said = text_of(error)
        self._report(error)

    def _report(self, error: KafkaError) -> None:
        code, text = error.code(), text_of(error)
        if code in _OUTAGE - self._reported:
            self._reported.add(code)
            is_away = code == KafkaError._ALL_BROKERS_DOWN
            self._on_outage(f"no answer from the broker: {self._said or text}" if is_away else text)
