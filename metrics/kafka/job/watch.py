"""What the loop asks the broker beside the frames. It never waits for an answer: those are taken in a later turn."""

from collections.abc import Collection, Iterator
from concurrent.futures import wait
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.errors import BrokerError, FencedError, ReplacedError, StateError, TopicError
from metrics.frames.job.saved_state import Instance
from metrics.frames.job.start_state import saved_state
from metrics.frames.settings import Settings
from metrics.kafka import futures
from metrics.kafka.clients import LOOK_TIMEOUT_S, text_of
from metrics.kafka.offsets import LATEST, ask, offset_of

if TYPE_CHECKING:
    from concurrent.futures import Future

ASK_TIMEOUT_S = 5.0
# The question that is waited for, of a broker that may be slow.
REQUIRE_TIMEOUT_S = 10.0
CONTROLLER_S = 1.0
LEAVE_TIMEOUT_S = 0.5
LOOK_S = 2.0


class End(NamedTuple):
    """Where the broker said that a partition ends, and when it was asked, in seconds of wall time."""

    partition: int
    offset: int
    asked_at_s: float


class Watch:
    """Watches the input topic, and whether this instance is still the active one.

    Args:
        consumer: of the group; it is asked in another thread, so it may only be closed once `leave` says so.
        topic_id: id of the input topic; made anew, it would have another.
        partitions: how many partitions it has.
        instance_id: id of this instance.

    Attributes:
        partitions: how many partitions the topic has by now.
    """

    def __init__(
        self,
        admin: AdminClient,
        consumer: Consumer,
        settings: Settings,
        topic_id: str,
        partitions: int,
        instance_id: str,
    ) -> None:
        self._admin = admin
        self._consumer = consumer
        self._settings = settings
        self._topic = settings.input_topic
        self._topic_id = topic_id
        self._instance_id = instance_id
        self.partitions = partitions
        self._ends_asked_at_s = self._looked_at_s = 0.0
        self._ends: dict[TopicPartition, Future[Any]] = {}
        self._description: Future[Any] | None = None
        self._saved: Future[Any] | None = None

    def ask_ends(self, partitions: Collection[int], now_s: float) -> None:
        """Ask for the ends of some partitions, unless a question is still open.

        An open transaction is part of the log here: what it holds has come, so its partition is not silent.
        """
        if not self._ends and partitions:
            places = [TopicPartition(self._topic, partition) for partition in partitions]
            self._ends_asked_at_s = now_s
            self._ends = ask(self._admin, places, LATEST, IsolationLevel.READ_UNCOMMITTED, ASK_TIMEOUT_S)

    def ends_told(self) -> Iterator[End]:
        """Yield what was answered since the last call; for a partition without an answer nothing is known."""
        if not all(future.done() for future in self._ends.values()):
            return
        for place, future in self._ends.items():
            offset = offset_of(future)
            if isinstance(offset, int):
                yield End(place.partition, offset, self._ends_asked_at_s)
        self._ends = {}

    def require_same_topic(self) -> None:
        """See that what was read so far is of the topic that the state is of; the one question that is waited for.

        Made anew while it is read, and longer than before, a topic is read on from the old offset without a word. An id
        never comes back: if it is the same now, it was the same when the frames were read.

        Raises:
            StateError: the input topic was made anew.
            TopicError: the input topic is gone.
            BrokerError: no answer came.
        """
        topics = TopicCollection([self._topic])
        asked = self._admin.describe_topics(topics, request_timeout=REQUIRE_TIMEOUT_S)[self._topic]
        give_up_s = monotonic() + REQUIRE_TIMEOUT_S + 1  # the client's own timeout was seen not to come
        while not wait([asked], timeout=CONTROLLER_S).done and monotonic() < give_up_s:
            # The controller is asked. Where that has moved, the client waits for the old one until it hears of it.
            with suppress(KafkaException):
                self._admin.list_topics(self._topic, timeout=LOOK_TIMEOUT_S)
        unknown = f"the broker does not describe {self._topic}, so the transaction failed; none of it was committed"
        if not asked.done():
            raise BrokerError(unknown, why="no answer came")
        self._take_description(asked)
        if isinstance(error := asked.exception(), KafkaException):  # nothing is known, so nothing may be committed
            raise BrokerError(unknown, why=text_of(error))

    def look(self, now_s: float) -> None:
        """Take what was answered, and ask again when it is time to.

        Raises:
            FencedError: another instance has taken over.
            StateError: the input topic was made anew.
            TopicError: the input topic is gone.
        """
        if self._description is not None and self._description.done():
            answered, self._description = self._description, None
            self._take_description(answered)
        self._take_saved()
        if now_s - self._looked_at_s < LOOK_S:
            return
        self._looked_at_s = now_s
        if self._description is None:
            topics = TopicCollection([self._topic])
            self._description = self._admin.describe_topics(topics, request_timeout=ASK_TIMEOUT_S)[self._topic]
        if self._saved is None:  # the state of the first partition tells the instance
            self._saved = futures.begin(saved_state, self._consumer, self._topic, 1, ASK_TIMEOUT_S)

    def leave(self) -> bool:
        """Ask nothing more, and tell whether the consumer is free by now; else it must be left to its thread.

        To close a consumer while another thread asks it crashes the process.
        """
        return self._saved is None or not wait([self._saved], timeout=LEAVE_TIMEOUT_S).not_done

    def _take_description(self, answered: "Future[Any]") -> None:
        """Take an answer; without one nothing is known, and a broker in trouble is noticed by the commit."""
        error = answered.exception()
        if error is None:
            topic = answered.result()
            if str(topic.topic_id) != self._topic_id:
                raise StateError(
                    f"the topic {self._topic} was deleted and made anew",
                    why="what was committed so far is of the one before",
                    now="start again: it says what is lost, and how to go on",
                )
            self.partitions = max(self.partitions, len(topic.partitions))
        elif isinstance(error, KafkaException) and error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise TopicError(f"the topic {self._topic} is gone", why="it was deleted while it was read")

    def _take_saved(self) -> None:
        """Take an answer; without one nothing is known, and a broker in trouble is noticed by the commit."""
        if self._saved is None or not self._saved.done():
            return
        answered, self._saved = self._saved, None
        with suppress(BrokerError):
            saved = answered.result()
            if saved is not None and saved.instance.id != self._instance_id:
                raise fenced_by(self._settings, saved.instance)


def fenced(settings: Settings, why: str, kind: type[FencedError] = FencedError) -> FencedError:
    """Return the error of an instance that another one has taken over from."""
    return kind(
        f"another instance took over the group {settings.consumer_group_id}",
        why=why,
        now="nothing is lost: it goes on where this one committed last; to run beside it, start without --take-over",
    )


def fenced_by(settings: Settings, instance: Instance) -> FencedError:
    """Return the same where it is known which one that is."""
    kind = ReplacedError if instance.is_forced else FencedError
    return fenced(settings, f"{instance} has committed since", kind)
