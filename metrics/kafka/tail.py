"""Records of topics as they are committed, from some offsets on."""

from collections.abc import Callable, Iterator, Sequence
from threading import Event

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from metrics.kafka.clients import assign, open_consumer
from metrics.kafka.errors import text_of_error
from metrics.kafka.reader import BATCH_RECORDS, PartitionRange, require_readable
from metrics.kafka.settings import KafkaSettings

# How long a call waits for the next record, and how long for what was committed together with it.
WAIT_S, TOGETHER_S = 0.5, 0.05
# Errors that the client mends by itself, but that anyone who waits for records should know of.
_TROUBLE = frozenset({KafkaError._ALL_BROKERS_DOWN, KafkaError.UNKNOWN_TOPIC_OR_PART})


class Tail:
    """Records that follow some offset ranges, as they are committed.

    Args:
        on_trouble: called with a line, once until records come again, when the broker or a topic is gone; it waits.
    """

    def __init__(
        self, settings: KafkaSettings, spans: Sequence[PartitionRange], on_trouble: Callable[[str], None]
    ) -> None:
        self._on_trouble = on_trouble
        self._told: set[int] = set()
        self._said = ""
        self._consumer: Consumer = open_consumer(settings, self._hear)
        assign(self._consumer, [TopicPartition(span.topic, span.partition, span.end) for span in spans])

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()

    def records(self, stopping: Event) -> Iterator[list[Message]]:
        """Yield records, some at a time; none when WAIT_S has passed. Setting `stopping` ends it, within WAIT_S.

        Raises:
            StateError: records are gone that were to be read next.
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
                    self._told.clear()
                    records.append(message)
                else:
                    self._report(error)
            yield records

    def _hear(self, error: KafkaError) -> None:
        """Note what the client says of its connections: first why one is lost, then that all of them are."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._said = text_of_error(error)
        self._report(error)

    def _report(self, error: KafkaError) -> None:
        code, text = error.code(), text_of_error(error)
        if code in _TROUBLE - self._told:
            self._told.add(code)
            is_away = code == KafkaError._ALL_BROKERS_DOWN
            self._on_trouble(f"no answer from the broker: {self._said or text}" if is_away else text)
