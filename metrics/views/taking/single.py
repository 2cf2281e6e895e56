"""Events that come one at a time, many of them at once from different clients."""

import asyncio
from itertools import takewhile

from confluent_kafka import KafkaError, Message

from metrics.kafka.errors import text_of
from metrics.views.taking.outbox import Delivery, Outbox, Record


class SingleEvents:
    """Single events on their way to the broker; those that come in one turn of the event loop are handed over together.

    Its methods run in the thread of the event loop, and so do the broker's answers.

    Attributes:
        delivery: answers to all of them.
    """

    def __init__(self, outbox: Outbox, topic: str) -> None:
        self.delivery = Delivery(outbox)
        self._outbox = outbox
        self._topic = topic
        self._batch: list[tuple[Record, _Waiter]] = []
        self._waiters: dict[_Waiter, None] = {}  # without an answer, the one that has waited longest first

    @property
    def are_waiting(self) -> bool:
        """Whether some requests have no answer."""
        return bool(self._waiters)

    def send(self, record: Record) -> asyncio.Future[str]:
        """Hand over an event soon; return the future of why Kafka does not have it, which is empty if it has."""
        loop = asyncio.get_running_loop()
        if not self._batch:
            loop.call_soon(self._hand_over)
        waiter = _Waiter(self, loop)
        self._waiters[waiter] = None
        record["callback"] = waiter.note
        self._batch.append((record, waiter))
        return waiter.answer

    def give_up(self, limit_s: float, why: str) -> None:
        """Answer the requests that have waited for longer."""
        began_s = asyncio.get_running_loop().time() - limit_s
        for waiter in [*takewhile(lambda waiter: waiter.began_s < began_s, self._waiters)]:
            self.answer(waiter, why)

    def fail(self, waiter: "_Waiter", error: KafkaError) -> None:
        """Answer a request whose event has failed."""
        causes = dict.fromkeys(filter(None, (text_of(error), self._outbox.client_error)))
        self.answer(waiter, f"Kafka has not acknowledged the event: {'; '.join(causes)}")

    def answer(self, waiter: "_Waiter", failure: str) -> None:
        """Answer a request, unless it has an answer, or has gone."""
        self._waiters.pop(waiter, None)
        if not waiter.answer.done():
            waiter.answer.set_result(failure)

    def _hand_over(self) -> None:
        batch, self._batch = self._batch, []
        failed = self.delivery.failed
        self._outbox.send(self._topic, [record for record, _ in batch], self.delivery)
        if self.delivery.failed > failed:
            for record, waiter in batch:
                if "_error" in record:
                    self.fail(waiter, record["_error"])


class _Waiter:
    """A request with an event that waits for the broker's answer."""

    __slots__ = ("_events", "answer", "began_s")

    def __init__(self, events: SingleEvents, loop: asyncio.AbstractEventLoop) -> None:
        self._events = events
        self.answer: asyncio.Future[str] = loop.create_future()
        self.began_s = loop.time()

    def note(self, error: KafkaError | None, message: Message) -> None:
        """Pass on an answer of the broker."""
        self._events.delivery.note(error, message)
        if error is None:
            self._events.answer(self, "")
        else:
            self._events.fail(self, error)
