"""The ends of the topics of views, looked up in a thread: a broker that is away delays no answer for long."""

import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, NamedTuple

from anyio import to_thread

from metrics.kafka import futures
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import OffsetRange, offset_ranges
from metrics.kafka.topics import cluster_id, partition_counts, topic_id
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import BrokerError, MetricsError, TopicError

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

WAIT_S = 2.0
READ_EVERY_S = 1.0


class TopicEnds(NamedTuple):
    """The events in the topics.

    Attributes:
        cluster_id, topic_id: of VIEWS_TOPIC.
        ranges: of its partitions.
        rejected: records in VIEWS_REJECTED_TOPIC.
    """

    cluster_id: str
    topic_id: str
    ranges: dict[int, OffsetRange]
    rejected: int


class TopicReader:
    """Reader of the ends of the topics; one thread asks at a time."""

    def __init__(self, settings: ViewsSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._admin: AdminClient | None = None
        self._asked: Future[TopicEnds] | None = None
        self._asked_at_s = float("-inf")

    async def read(self) -> TopicEnds:
        """Return the ends of the topics, as they were READ_EVERY_S seconds ago or later.

        Raises:
            BrokerError: the broker does not answer, or has not within WAIT_S seconds.
            TopicError: a topic is missing.
        """
        asked = self._asked
        if asked is None or (asked.done() and self._clock() - self._asked_at_s >= READ_EVERY_S):
            self._asked_at_s = self._clock()
            asked = self._asked = futures.begin(self._ask)
        await to_thread.run_sync(wait, [asked], WAIT_S)
        if not asked.done():
            raise BrokerError(f"the broker did not answer within {WAIT_S:.0f} s")
        return asked.result()

    def _ask(self) -> TopicEnds:
        try:
            admin = self._admin = self._admin or open_admin(self._settings)
            topic, rejected = self._settings.views_topic, self._settings.views_rejected_topic
            partitions = partition_counts(admin)
            if missing := [name for name in (topic, rejected) if not partitions.get(name)]:
                raise TopicError(f"the topic {missing[0]} is missing, or hidden from this user")
            return TopicEnds(
                cluster_id(admin),
                topic_id(admin, topic),
                offset_ranges(admin, topic, partitions[topic]),
                sum(high - low for low, high in offset_ranges(admin, rejected, partitions[rejected]).values()),
            )
        except MetricsError:
            self._admin = None  # a new client knows the cause of an outage
            raise
