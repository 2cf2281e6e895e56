"""Requests to the broker besides records; only `require_same_topic` blocks the loop, for up to 11 s."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka import futures
from metrics.kafka.clients import LOOK_TIMEOUT_S
from metrics.kafka.errors import client_errors
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.offsets import LATEST, ask, offset_of
from metrics.wording.errors import BrokerError, StateError, TopicError, UnavailableError

if TYPE_CHECKING:
    from concurrent.futures import Future

MONITOR_TIMEOUT_S = 5.0
# Limit for the one request that is waited for, since the broker may be slow.
REQUIRE_TIMEOUT_S = 10.0
CONTROLLER_S = 1.0
LEAVE_TIMEOUT_S = 0.5
LOOK_S = 2.0


class EndOffset(NamedTuple):
    """The end offset of a partition, and the monotonic time in seconds of the request."""

    partition: int
    offset: int
    asked_at_s: float


class InputMonitor:
    """Monitor of the input topic, and of whether this instance is still the active one.

    Args:
        topic_id: id of the input topic; it would have another if it were deleted and created again.
        partitions: the number of its partitions.
        last_instance: returns the instance that committed last. It is called in another thread, so its consumer may
            only be closed if `leave` returns true.
        require_not_fenced: called with that instance; raises FencedError if it is another one.

    Attributes:
        partitions: the current number of partitions.
    """

    def __init__(
        self,
        admin: AdminClient,
        topic: str,
        topic_id: str,
        partitions: int,
        last_instance: Callable[[], Instance | None],
        require_not_fenced: Callable[[Instance | None], None],
    ) -> None:
        self._admin = admin
        self._topic = topic
        self._topic_id = topic_id
        self._last_instance = last_instance
        self._require_not_fenced = require_not_fenced
        self.partitions = partitions
        self._requested_at_s = self._looked_at_s = 0.0
        self._end_offsets: dict[TopicPartition, Future[Any]] = {}
        self._description: Future[Any] | None = None
        self._last: Future[Any] | None = None

    def request_end_offsets(self, partitions: Collection[int], now_s: float) -> None:
        """Request the end offsets of some partitions, unless a request is pending.

        The records of an open transaction count here: they have arrived, so their partition is not idle.
        """
        if not self._end_offsets and partitions:
            places = [TopicPartition(self._topic, partition) for partition in partitions]
            self._requested_at_s = now_s
            self._end_offsets = ask(self._admin, places, LATEST, IsolationLevel.READ_UNCOMMITTED, MONITOR_TIMEOUT_S)

    def end_offsets(self) -> Iterator[EndOffset]:
        """Yield the answers since the last call; a partition may have none."""
        if not all(future.done() for future in self._end_offsets.values()):
            return
        for place, future in self._end_offsets.items():
            offset = offset_of(future)
            if isinstance(offset, int):
                yield EndOffset(place.partition, offset, self._requested_at_s)
        self._end_offsets = {}

    def require_same_topic(self) -> None:
        """Check that what was read so far is from the topic of the state; the one request that is waited for.

        A topic that is deleted and recreated while it is read, and becomes longer than before, is read from the old
        offset without an error. Ids are never reused: if it is the same now, it was the same when the records were
        read.

        Raises:
            StateError: the input topic was deleted and recreated.
            TopicError: the input topic is gone.
            BrokerError: no answer came.
        """
        topics = TopicCollection([self._topic])
        asked = self._admin.describe_topics(topics, request_timeout=REQUIRE_TIMEOUT_S)[self._topic]
        unknown = f"the broker does not describe {self._topic}, so the transaction failed; none of it was committed"
        # The client's own timeout has been observed not to fire.
        if not futures.has_come(asked, REQUIRE_TIMEOUT_S + 1, self._find_controller, CONTROLLER_S):
            raise BrokerError(unknown, why="no answer came")
        self._take_description(asked)
        with client_errors(unknown):  # without an answer, nothing may be committed
            asked.result()

    def _find_controller(self) -> None:
        """Let the client find the controller, which has to answer: after a move, it waits for the old one."""
        with suppress(KafkaException):
            self._admin.list_topics(self._topic, timeout=LOOK_TIMEOUT_S)

    def look(self, now_s: float) -> None:
        """Take the answers, and send new requests when due.

        Raises:
            FencedError: another instance has taken over.
            StateError: the input topic was deleted and recreated.
            TopicError: the input topic is gone.
        """
        if self._description is not None and self._description.done():
            answered, self._description = self._description, None
            self._take_description(answered)
        self._take_last()
        if now_s - self._looked_at_s < LOOK_S:
            return
        self._looked_at_s = now_s
        if self._description is None:
            topics = TopicCollection([self._topic])
            self._description = self._admin.describe_topics(topics, request_timeout=MONITOR_TIMEOUT_S)[self._topic]
        if self._last is None:
            self._last = futures.begin(self._last_instance)

    def leave(self) -> bool:
        """Stop sending requests; return whether none is pending in another thread, so that its consumer may be closed.

        Closing a consumer while another thread uses it crashes the process.
        """
        return self._last is None or not wait([self._last], timeout=LEAVE_TIMEOUT_S).not_done

    def _take_description(self, answered: "Future[Any]") -> None:
        """Take an answer. A missing one is ignored: if the broker fails, so does the next commit."""
        error = answered.exception()
        if error is None:
            topic = answered.result()
            if str(topic.topic_id) != self._topic_id:
                raise StateError(
                    f"the topic {self._topic} was deleted and recreated",
                    why="what was committed so far belongs to the old topic",
                    hint="restart: it reports what is lost, and how to continue",
                )
            self.partitions = max(self.partitions, len(topic.partitions))
        elif isinstance(error, KafkaException) and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicError(f"the topic {self._topic} is gone", why="it was deleted while it was read")

    def _take_last(self) -> None:
        """Take an answer. A missing one is ignored: if the broker fails, so does the next commit."""
        if self._last is None or not self._last.done():
            return
        answered, self._last = self._last, None
        with suppress(UnavailableError):
            self._require_not_fenced(answered.result())
