"""The broker of a benchmark: topics are created, frames loaded, results read back."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import NamedTuple

import msgspec
import psutil
from confluent_kafka import Message, TopicPartition
from confluent_kafka.admin import NewTopic

from benchmark.truth import Published
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.settings import Settings
from metrics.kafka import local_broker, topic_changes, topics
from metrics.kafka.clients import assign, open_admin, open_consumer, open_gapless_producer
from metrics.kafka.errors import client_errors
from metrics.kafka.local_broker.node import KAFKA_VERSION
from metrics.kafka.offsets import offset_ranges, open_transactions
from metrics.kafka.reader import PartitionRange, Streams, require_readable
from metrics.terminal.console import say
from metrics.time.deadline import Deadline
from metrics.wording.errors import BrokerError, MetricsError, SettingsError, TopicError

TOPIC_PREFIX = "benchmark-"
KEY = b"frames"  # one key for all frames: Quix Streams skips records without a key
PROGRESS_FRAMES = 1000
MOST_UNACKNOWLEDGED = 20_000  # of 2,080 bytes: a third of what fits the client's queue
POLL_S = 0.05
TIMEOUT_S = 30.0
SETTLED_S = 10.0

# Records from 2016 must not expire, and nothing may be compacted: a window that is published twice must be seen.
_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}


class Arrived(NamedTuple):
    """Committed record of a window, and when it was read, by `time.monotonic`."""

    at_s: float
    topic: str
    window: Published


class Broker:
    """Broker that the sides are measured against. Every topic has one partition, if nothing else is said.

    Attributes:
        address: `host:port`.
        name: its description, for the results.
    """

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        self.name = name
        self._settings = Settings(bootstrap_servers=address, consumer_group_id=f"{TOPIC_PREFIX}reader")
        self._admin = open_admin(self._settings)

    def create(self, *names: str, partitions: int = 1) -> None:
        """Create topics.

        Raises:
            TopicError: the broker refuses.
        """
        topic_changes.create_missing(self._admin, [NewTopic(name, partitions, config=_CONFIG) for name in names])

    def delete(self, part_of_name: str) -> None:
        """Delete the topics whose names contain a text, including those that a side created by itself."""
        try:
            if names := [name for name in topics.partition_counts(self._admin) if part_of_name in name]:
                topic_changes.delete(self._admin, names)
        except MetricsError as error:
            say(f"not every topic was deleted: {error}")

    def load(self, topic: str, frames: Iterable[bytes], partitions: int = 1) -> Iterator[int]:
        """Produce frames to a topic, to its partitions in turn; yields the number sent so far, every PROGRESS_FRAMES.

        Raises:
            BrokerError: the broker refused a frame, or acknowledged none for TIMEOUT_S.
        """
        what = "the broker did not accept every frame"
        refused: list[str] = []

        def wait(most: int) -> None:
            """Wait until at most this many frames are unacknowledged."""
            producer.poll(0)
            deadline, before = Deadline(TIMEOUT_S), len(producer)
            while not refused and (left := len(producer)) > most and not deadline.has_passed():
                if left < before:
                    before = left
                    deadline.renew()
                producer.poll(POLL_S)
            if refused or len(producer) > most:
                why = refused[0] if refused else f"none was acknowledged for {TIMEOUT_S:.0f} s"
                raise BrokerError(what, why=why)

        producer = open_gapless_producer(self._settings, MAX_FRAME_BYTES)
        with client_errors(what):
            for number, frame in enumerate(frames, 1):
                producer.produce(topic, frame, KEY, number % partitions, lambda error, _: refused.append(str(error)))
                if number % PROGRESS_FRAMES == 0:
                    wait(MOST_UNACKNOWLEDGED)
                    yield number
            wait(0)

    def count(self, topic: str) -> int:
        """Count the committed records of a topic."""
        return sum(1 for _ in self._committed(topic))

    def windows(self, topic: str, number: str) -> list[Published]:
        """Read the committed records in a topic of windows.

        Args:
            number: the field with the window's count.

        Raises:
            TopicError: a record is not that of a window.
        """
        return [_window(topic, number, message.value()) for message in self._committed(topic)]

    def follow(self, numbers: Mapping[str, str], stopping: Event) -> Iterator[Arrived]:
        """Yield the committed records in topics of windows as they become readable, until `stopping` is set.

        Args:
            numbers: for each topic, the field with the window's count.

        Raises:
            TopicError: a record is not that of a window.
            BrokerError: a topic cannot be read.
        """
        with closing(open_consumer(self._settings)) as consumer:
            assign(consumer, [TopicPartition(topic, 0, 0) for topic in numbers])
            while not stopping.is_set():
                message = consumer.poll(POLL_S)
                at_s = monotonic()
                if message is None:
                    continue
                require_readable(message)
                if message.error() is None:
                    topic = message.topic() or ""
                    yield Arrived(at_s, topic, _window(topic, numbers[topic], message.value()))

    def cpu_s(self) -> float:
        """Return the processor time of the broker so far; 0 if it runs on another machine, or as another user."""
        port = int(self.address.rpartition(":")[2])
        with suppress(psutil.Error):
            for connection in psutil.net_connections("tcp"):
                is_own = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
                if is_own and connection.pid:
                    times = psutil.Process(connection.pid).cpu_times()
                    return float(times.user + times.system)
        return 0.0

    def _committed(self, topic: str) -> Iterator[Message]:
        # A commit has returned before its markers are written: the last records may not be readable yet.
        ranges = Deadline(SETTLED_S).poll(
            lambda: offset_ranges(self._admin, topic, 1),
            until=lambda ranges: not open_transactions(self._admin, topic, ranges),
        )
        [(low, high)] = ranges.values()
        with closing(open_consumer(self._settings)) as consumer:
            yield from Streams(consumer, [PartitionRange(topic, 0, low, high)]).of(topic, 0)


def _window(topic: str, number: str, value: bytes | None) -> Published:
    try:
        fields = msgspec.json.decode(value or b"", type=dict[str, msgspec.Raw])
        return Published(*(msgspec.json.decode(fields[name], type=int) for name in ("timestamp", number)))
    except (msgspec.DecodeError, KeyError) as error:
        shown = (value or b"")[:200].decode(errors="replace")
        raise TopicError(f"a record in {topic} is not that of a window", why=shown) from error


@contextmanager
def running(folder: Path) -> Iterator[Broker]:
    """Yield the broker named by BOOTSTRAP_SERVERS; without it, start a local one.

    Args:
        folder: where the local one keeps its log; its data is removed at the end.

    Raises:
        SettingsError: client properties are set, which not every side can use.
        MetricsError: see `local_broker.running`.
    """
    settings = Settings.load()
    if settings.client_properties:
        raise SettingsError(
            f"{', '.join(sorted(settings.client_properties))}: the benchmark accepts no client properties",
            why="every side runs with its own",
            hint="unset the KAFKA_… variables, and name a broker without authentication",
        )
    if settings.bootstrap_servers is not None:
        yield Broker(settings.bootstrap_servers, "Kafka, named by BOOTSTRAP_SERVERS")
        return
    try:
        with local_broker.running(folder, say) as address, local_broker.report_end(folder):
            broker = Broker(address, f"Apache Kafka {KAFKA_VERSION}, one node on the same machine")
            broker.delete(TOPIC_PREFIX)  # left over from a run that was killed
            yield broker
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)
