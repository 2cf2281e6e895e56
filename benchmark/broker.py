"""The broker of a benchmark: topics made fresh, frames loaded, results read back."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import NewTopic

from benchmark.truth import Published
from metrics.errors import BrokerError, SettingsError, TopicError
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.settings import Settings
from metrics.kafka import local_broker, topics
from metrics.kafka.clients import open_admin, open_consumer, open_gapless_producer
from metrics.kafka.errors import text_of
from metrics.kafka.local_broker.node import KAFKA_VERSION
from metrics.terminal.console import say

TOPIC_PREFIX = "benchmark-"
KEY = b"frames"  # the same for all: Quix Streams passes over records without a key
PROGRESS_FRAMES = 1000
BATCH = 1000
POLL_S = 0.05  # what a call waits for a batch to be full
TIMEOUT_S = 30.0

# Windows of 2016 stay, and no record is compacted away: a doubled one must be seen.
_CONFIG = {
    "cleanup.policy": "delete",
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "message.timestamp.after.max.ms": str(2**63 - 1),
}


class Arrived(NamedTuple):
    """A committed record of a window, and when it was read, by `time.monotonic`."""

    at_s: float
    topic: str
    window: Published


class Broker:
    """A broker to measure against.

    Attributes:
        address: `host:port`.
        name: what it is, for the results.
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
        wanted = [NewTopic(name, partitions, config=_CONFIG) for name in names]
        for name, future in self._admin.create_topics(wanted).items():
            try:
                future.result(TIMEOUT_S)
            except KafkaException as error:
                raise TopicError(f"the topic {name} cannot be created", why=text_of(error)) from error

    def delete(self, part_of_name: str) -> None:
        """Delete the topics whose names hold a text, those that a side made for itself included."""
        names = [name for name in topics.partition_counts(self._admin) if part_of_name in name]
        for future in self._admin.delete_topics(names).values() if names else ():
            try:
                future.result(TIMEOUT_S)
            except KafkaException as error:
                say(f"a topic is left behind: {text_of(error)}")

    def load(self, topic: str, frames: Iterable[bytes], partitions: int = 1) -> Iterator[int]:
        """Send frames to a topic, to its partitions in turn; yields how many were sent, every PROGRESS_FRAMES.

        Raises:
            BrokerError: the broker did not take one.
        """
        refused: list[str] = []

        def note(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                refused.append(error.str())

        producer = open_gapless_producer(self._settings, MAX_FRAME_BYTES)
        for number, frame in enumerate(frames, 1):
            while True:
                try:
                    producer.produce(topic, frame, KEY, partition=number % partitions, on_delivery=note)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
            if number % PROGRESS_FRAMES == 0:
                producer.poll(0)
                yield number
        if producer.flush(TIMEOUT_S) or refused:
            why = refused[0] if refused else f"not acknowledged within {TIMEOUT_S:.0f} s"
            raise BrokerError("the broker did not take every frame", why=why)

    def count(self, topic: str) -> int:
        """Count the committed records of a topic."""
        return sum(1 for _ in self._committed(topic))

    def windows(self, topic: str, number: str) -> list[Published]:
        """Read the committed records of a topic of windows.

        Args:
            number: the field that holds what was counted.

        Raises:
            TopicError: a record is none of a window.
        """
        return [_window(topic, number, message.value()) for message in self._committed(topic)]

    def follow(self, numbers: Mapping[str, str], stopping: Event) -> Iterator[Arrived]:
        """Yield the committed records of topics of windows as they become readable, until `stopping` is set.

        Args:
            numbers: for each topic the field that holds what was counted.

        Raises:
            TopicError: a record is none of a window.
            BrokerError: a topic cannot be read.
        """
        consumer = open_consumer(self._settings)
        try:
            consumer.assign([TopicPartition(topic, 0, 0) for topic in numbers])
            while not stopping.is_set():
                message = consumer.poll(POLL_S)
                if message is None:
                    continue
                at_s, error, topic = monotonic(), message.error(), message.topic() or ""
                if error is None:
                    yield Arrived(at_s, topic, _window(topic, numbers[topic], message.value()))
                elif error.code() != KafkaError._PARTITION_EOF:
                    raise BrokerError(f"the topic {topic} cannot be read", why=error.str())
        finally:
            consumer.close()

    def _committed(self, topic: str) -> Iterator[Message]:
        consumer = open_consumer(self._settings)
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            heard_s = monotonic()
            while monotonic() < heard_s + TIMEOUT_S:
                for message in consumer.consume(BATCH, POLL_S):
                    heard_s = monotonic()
                    error = message.error()
                    if error is None:
                        yield message
                    elif error.code() == KafkaError._PARTITION_EOF:
                        return
                    else:
                        raise BrokerError(f"the topic {topic} cannot be read", why=error.str())
        finally:
            consumer.close()
        raise BrokerError(f"the topic {topic} cannot be read", why=f"nothing came for {TIMEOUT_S:.0f} s")


def _window(topic: str, number: str, value: bytes | None) -> Published:
    try:
        fields = msgspec.json.decode(value or b"", type=dict[str, msgspec.Raw])
        return Published(*(msgspec.json.decode(fields[name], type=int) for name in ("timestamp", number)))
    except (msgspec.DecodeError, KeyError) as error:
        shown = (value or b"")[:200].decode(errors="replace")
        raise TopicError(f"a record in {topic} is none of a window", why=shown) from error


@contextmanager
def running(folder: Path, variables: Mapping[str, str]) -> Iterator[Broker]:
    """Give the broker that BOOTSTRAP_SERVERS names; without it, start the project's local one.

    Args:
        folder: where the local one keeps its log; its data is removed at the end.

    Raises:
        SettingsError: settings that not every side can follow.
        MetricsError: see `local_broker.running`.
    """
    settings = Settings.load(variables)
    if settings.client_properties:
        raise SettingsError(
            f"{', '.join(sorted(settings.client_properties))}: the benchmark takes no client properties",
            why="every side has to run with its own",
            hint="unset the KAFKA_… variables, and name a broker without authentication",
        )
    if settings.bootstrap_servers is not None:
        yield Broker(settings.bootstrap_servers, "Kafka, named by BOOTSTRAP_SERVERS")
        return
    try:
        with local_broker.running(folder, say) as address, local_broker.blamed(folder):
            broker = Broker(address, f"Apache Kafka {KAFKA_VERSION}, one node on the same machine")
            broker.delete(TOPIC_PREFIX)  # of a run that was killed
            yield broker
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)
