"""The outbox: records that the broker has not answered yet, in bounded memory."""

from collections.abc import Sequence
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from metrics.kafka.clients import open_keyed_producer
from metrics.kafka.errors import text_of
from metrics.time.deadline import Deadline
from metrics.views.settings import ViewsSettings
from metrics.views.topics_in_use import rejected_bytes

MAX_BYTES = 32 << 20
RECORD_BYTES = 512  # that the client needs for a record beside its value

# After one of these, a producer sends nothing more, or stays slow, so that the next records get a new one.
_SPENT = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._FATAL, KafkaError._STATE})

Record = dict[str, Any]
Headers = list[tuple[str, str | bytes | None]]


class Outbox:
    """Records on their way to the broker, over one producer that all uploads share.

    Each record has a callback. With 1.2 us of CPU a record, this costs little more than a producer that reports errors
    only (1.0 us), which could not say when the records of one upload are complete. Callbacks run in `poll`, so in the
    caller's thread.

    Attributes:
        bytes: of the records without an answer.
        is_failing: whether the newest answers were that the broker gave none in time.
        client_error: the client's last connection error; empty if there was none.
    """

    def __init__(self, settings: ViewsSettings) -> None:
        self.bytes = 0
        self.is_failing = False
        self.client_error = ""
        self._settings = settings
        self._is_spent = False
        self._heard_s = monotonic()
        self._producer = self._open()
        self._spent: list[Producer] = []  # until their last record is answered

    @property
    def has_room(self) -> bool:
        """Whether records may be sent. A batch above the limit does no harm."""
        return self.bytes < MAX_BYTES

    @property
    def unheard_s(self) -> float:
        """Seconds without an acknowledgement; 0 if nothing waits for one."""
        return monotonic() - self._heard_s if self.bytes else 0.0

    def send(self, topic: str, records: list[Record], delivery: "Delivery") -> None:
        """Hand over records with `value`, `key`, and possibly a `callback` for the answer, without waiting."""
        producer = self._usable()
        self._count(delivery, [record["value"] for record in records])
        if producer.produce_batch(topic, records, on_delivery=delivery.note) < len(records):
            for record in records:
                if "_error" in record:
                    delivery.fail(record["_error"], len(record["value"]))

    def send_one(self, topic: str, value: bytes, headers: Headers, delivery: "Delivery") -> None:
        """Hand over one record with headers, which batches cannot have, without waiting."""
        producer = self._usable()
        self._count(delivery, [value])
        try:
            producer.produce(topic, value, headers=headers, on_delivery=delivery.note)
        except (BufferError, KafkaException) as error:
            reason = error.args[0] if isinstance(error, KafkaException) else KafkaError(KafkaError._QUEUE_FULL)
            delivery.fail(reason, len(value))

    def poll(self, wait_s: float) -> None:
        """Take answers of the broker, for which this waits if there are none."""
        before, was_failing = self.bytes, self.is_failing
        self.is_failing = False  # a failure in this poll sets it again; without any answer, it is restored
        for producer, limit_s in ((self._producer, wait_s), *((spent, 0) for spent in self._spent)):
            try:
                producer.poll(limit_s)
            except KafkaException as error:  # the client raises that it cannot continue
                self._note_error(error.args[0])
                self.note_failure(error.args[0])
        self._spent = [producer for producer in self._spent if len(producer)]
        if self.bytes < before and not self.is_failing:
            self._heard_s = monotonic()
        else:
            self.is_failing |= was_failing

    def answered(self, size_bytes: int) -> None:
        """Note that a record, with a value of this size, has its answer."""
        self.bytes -= size_bytes + RECORD_BYTES

    def note_failure(self, error: KafkaError) -> None:
        """Note that a record failed."""
        if error.code() in _SPENT:
            self.is_failing = self._is_spent = True

    def settle(self, limit_s: float) -> None:
        """Wait until all records are answered, up to limit_s seconds."""
        deadline = Deadline(limit_s)
        while self.bytes and not deadline.has_passed():
            self.poll(min(0.1, deadline.left_s()))

    def _count(self, delivery: "Delivery", values: Sequence[bytes]) -> None:
        if not self.bytes:
            self._heard_s = monotonic()
        delivery.hand_over(len(values))
        self.bytes += sum(map(len, values)) + RECORD_BYTES * len(values)

    def _usable(self) -> Producer:
        if self._is_spent:
            self._spent.append(self._producer)
            self._producer, self._is_spent = self._open(), False
        return self._producer

    def _open(self) -> Producer:
        return open_keyed_producer(self._settings, rejected_bytes(self._settings), self._note_error)

    def _note_error(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.client_error = text_of(error)


class Delivery:
    """Answers to the records of one upload, or to all single events.

    Attributes:
        sent: records handed over.
        acknowledged, failed: of them; each of the others is still without an answer.
        why: texts of the failures, each once.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.sent = self.acknowledged = self.failed = 0
        self.why: dict[str, None] = {}
        self._outbox = outbox

    @property
    def is_settled(self) -> bool:
        """Whether each record has an answer."""
        return self.acknowledged + self.failed == self.sent

    def hand_over(self, number: int) -> None:
        """Count records that are handed over."""
        self.sent += number

    def note(self, error: KafkaError | None, message: Message) -> None:
        """Count an answer."""
        if error is None:
            self.acknowledged += 1
            self._outbox.answered(len(message))
        else:
            self.fail(error, len(message))

    def fail(self, error: KafkaError, size_bytes: int) -> None:
        """Count a record that failed."""
        self.failed += 1
        self.why.setdefault(text_of(error))
        self._outbox.answered(size_bytes)
        self._outbox.note_failure(error)
