"""Clients of the broker, and their configuration."""

import errno
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata

from metrics.kafka import futures
from metrics.kafka.client_properties import is_property, is_secret, variable_of
from metrics.kafka.errors import text_of
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.unreachable import require_names, unreachable
from metrics.time.deadline import Deadline
from metrics.wording.errors import SettingsError

REACH_TIMEOUT_S = 10.0
# If all addresses of a broker fail for this long, it is down: the client has tried each several times by then.
DOWN_S = 1.5
SAY_AFTER_S = 1.0
LOOK_TIMEOUT_S = 1.0
# Between two steps, Ctrl-C and the client's errors are handled.
STEP_S = 0.25

# librdkafka logs each broken connection. People see what matters of it in our errors.
client_log = logging.getLogger("metrics.client")
client_log.addHandler(logging.NullHandler())
client_log.propagate = False

# A human-readable message if connecting takes long.
connection_log = logging.getLogger(__name__)

# The system's message for a port without a listener. The client passes it on, without a code of its own.
_REFUSED = os.strerror(errno.ECONNREFUSED)

OnError = Callable[[KafkaError], None]
Client = TypeVar("Client")


def pass_over(_: KafkaError) -> None:
    """Ignore an error: the calls that fail because of it report it."""


def open_consumer(
    settings: KafkaSettings, on_error: OnError = pass_over, also_preferred: Mapping[str, object] | None = None
) -> Consumer:
    """Open a consumer of committed records with manually assigned partitions."""
    preferred = {
        # By default the fetcher sleeps for a second whenever its queue is full.
        "fetch.queue.backoff.ms": 5,
        **(also_preferred or {}),
    }
    fixed = {
        "group.id": settings.consumer_group_id,  # partitions are assigned manually, so it never joins the group
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        # The offset to read from is part of the state: if it is gone, that is an error, and no other one will do.
        "auto.offset.reset": "error",
    }
    return _open(Consumer, settings, on_error, preferred, fixed)


def open_reader(settings: KafkaSettings) -> Consumer:
    """Open a consumer for partitions that are paused and resumed often.

    After a pause, records are fetched again, so little is fetched ahead. And a resumed partition has to wait for the
    answer to the fetch before, so fetches are short.
    """
    return open_consumer(settings, also_preferred={"queued.max.messages.kbytes": 8_192, "fetch.wait.max.ms": 10})


def open_observer(settings: KafkaSettings) -> Consumer:
    """Open a consumer that reads single records and fetches little more."""
    preferred = {"max.partition.fetch.bytes": 65_536, "queued.min.messages": 1, "fetch.wait.max.ms": 50}
    return open_consumer(settings, also_preferred=preferred)


def open_asker(settings: KafkaSettings, group: str) -> Consumer:
    """Open a consumer that asks for the committed offsets of a group, and reads no records.

    With `read_uncommitted`, it does not wait for an open transaction, and gets the offsets of the last one that ended.
    """
    fixed = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
    return _open(Consumer, settings, pass_over, {}, fixed)


def assign(consumer: Consumer, starts: Sequence[TopicPartition]) -> None:
    """Assign partitions to a consumer, to be read from these offsets.

    The topics are looked up first: by itself, the client looks up unknown ones only once a second, which would delay
    the first record. If no answer comes, it keeps trying.
    """
    for topic in {start.topic for start in starts}:
        with suppress(KafkaException):
            consumer.list_topics(topic, LOOK_TIMEOUT_S)
    consumer.assign(list(starts))


def open_transactional_producer(settings: KafkaSettings, batch_bytes: int, on_error: OnError = pass_over) -> Producer:
    """Open the producer of all outputs. Its transactional id is the consumer group's.

    Args:
        batch_bytes: the largest batch that every topic accepts: brokers apply the limit for a record to a batch.
    """
    preferred = {
        "batch.size": min(1_000_000, batch_bytes),
        # The interval at which a commit asks its coordinator again: with the default of 100, transactions take 120 ms.
        "retry.backoff.ms": 10,
        "linger.ms": 5,
        # Limits for noticing a broker that hangs, and for aborting the transaction of a killed process.
        "socket.timeout.ms": 10_000,
        "transaction.timeout.ms": 30_000,
        # The topics have limits of their own, so the client needs none.
        "message.max.bytes": 1_000_000_000,
    }
    fixed = {
        "transactional.id": settings.consumer_group_id,
        "enable.idempotence": True,
        "delivery.report.only.error": True,
    }
    return _open(Producer, settings, on_error, preferred, fixed)


def open_gapless_producer(settings: KafkaSettings, record_bytes: int, on_error: OnError = pass_over) -> Producer:
    """Open an idempotent producer of an input topic that, when a record fails, sends none of the following ones.

    Records never time out, because the following ones would still be sent; so the caller has to give up on them.

    Args:
        record_bytes: the largest record.
    """
    preferred = {
        "linger.ms": 20,
        "batch.size": 1_000_000,
        "queue.buffering.max.kbytes": 131_072,
        "message.max.bytes": 2 * record_bytes,
    }
    fixed = {
        "enable.idempotence": True,
        "delivery.report.only.error": True,
        "enable.gapless.guarantee": True,
        "message.timeout.ms": 0,
    }
    return _open(Producer, settings, on_error, preferred, fixed)


def open_keyed_producer(settings: KafkaSettings, record_bytes: int, on_error: OnError = pass_over) -> Producer:
    """Open an idempotent producer that reports the fate of each record, within BROKER_TIMEOUT_S seconds.

    Keys choose partitions as those of Kafka's Java clients do.

    Args:
        record_bytes: the largest record, with its key and headers.
    """
    preferred = {
        "linger.ms": 5,
        "batch.size": 1_000_000,
        # A third of the bytes of JSON, for 0.2 us a record; zstd takes 0.7 us.
        "compression.type": "lz4",
        # A limit for noticing a broker that hangs: records that were sent to it expire no earlier.
        "socket.timeout.ms": min(10_000, 500 * settings.broker_timeout_s),
        "message.max.bytes": 2 * record_bytes,
        # The caller has a limit of its own.
        "queue.buffering.max.messages": 10_000_000,
        "queue.buffering.max.kbytes": 2_097_151,
    }
    fixed = {
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "message.timeout.ms": 1_000 * settings.broker_timeout_s,
    }
    return _open(Producer, settings, on_error, preferred, fixed)


def open_admin(settings: KafkaSettings) -> AdminClient:
    """Open an admin client, and check that the broker answers.

    Raises:
        BrokerError: it did not answer within REACH_TIMEOUT_S, all its addresses failed for DOWN_S, or none of the
            names that it advertises can be resolved.
    """
    causes: dict[str, int] = {}  # the client's distinct messages in order, with their codes

    def note(error: KafkaError) -> None:
        causes[text_of(error)] = error.code()

    admin = _open(AdminClient, settings, note, {}, {})
    try:
        found = _metadata(admin, settings, causes)
    except (KafkaException, TimeoutError) as error:
        admin.poll(0)
        said = [text for text, code in causes.items() if code != KafkaError._ALL_BROKERS_DOWN]
        why = "\n".join(said) or (
            text_of(error.args[0]) if isinstance(error, KafkaException) else "the broker closed the connection"
        )
        is_refused = bool(said) and all(text.endswith(_REFUSED) for text in said)
        has_answered = settings.bootstrap_servers in _answered
        raise unreachable(settings, causes.values(), why, is_refused=is_refused, has_answered=has_answered) from None
    require_names(settings, [str(node.host) for node in found.brokers.values()])
    _answered.add(settings.bootstrap_servers)
    return admin


def _metadata(admin: AdminClient, settings: KafkaSettings, causes: Mapping[str, int]) -> ClusterMetadata:
    """Ask for the nodes and topics.

    Until a node is connected, this asks in short steps: a call abandoned in another thread would keep the client with
    its threads and handles. Only a connected node that is slow to answer is waited for in a thread.
    """
    deadline, quiet, down = Deadline(REACH_TIMEOUT_S), Deadline(SAY_AFTER_S), Deadline(DOWN_S)

    def say() -> None:
        address = settings.bootstrap_servers
        if address not in _answered | _said and quiet.has_passed():
            _said.add(address)
            connection_log.info("connecting to %s …", address)

    while True:
        try:
            return admin.list_topics(timeout=STEP_S)
        except KafkaException as error:
            code = error.args[0].code()
            if code not in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT) or deadline.has_passed():
                raise
        admin.poll(0)
        say()
        if code == KafkaError._TIMED_OUT:  # there is a connection
            left_s = deadline.left_s()
            found: ClusterMetadata = futures.call(left_s + 1, admin.list_topics, None, left_s, meanwhile=say)
            return found
        if down.has_passed() and KafkaError._ALL_BROKERS_DOWN in causes.values():
            raise TimeoutError


# Addresses that have answered, and those whose line was logged; so it is not logged again in an outage.
_answered: set[str | None] = set()
_said: set[str | None] = set()


def unknown_properties(settings: KafkaSettings) -> list[str]:
    """Return the properties in the settings that the client does not have; clients are opened without them.

    Kubernetes sets KAFKA_PORT, KAFKA_SERVICE_HOST and more for a Service named kafka.
    """
    return [name for name in settings.client_properties if not is_property(name)]


def _open(
    kind: Callable[[dict[str, Any]], Client],
    settings: KafkaSettings,
    on_error: OnError,
    preferred: Mapping[str, object],
    fixed: Mapping[str, object],
) -> Client:
    """Open a client with preferred properties, overridden by the user's, overridden by fixed ones."""
    config = {
        "client.id": "frames-metrics",
        "reconnect.backoff.max.ms": 1000,
        # Connect to all brokers at once; otherwise every client waits 50 ms after its first answer.
        "enable.sparse.connections": False,
        # Without a logger, the client writes to standard error, which is what a user of `debug` wants.
        **({} if "debug" in settings.client_properties else {"logger": client_log}),
        "error_cb": on_error,
        **preferred,
        **{name: text for name, text in settings.client_properties.items() if is_property(name)},
        **fixed,
        "bootstrap.servers": settings.bootstrap_servers,
    }
    try:
        return kind(config)
    except KafkaException as error:
        given = [variable_of(name) for name in settings.client_properties]
        raise SettingsError(
            "the Kafka client refuses its settings",
            why="\n".join(
                [*_unreadable(settings), _without_secrets(text_of(error.args[0]), settings.client_properties)]
            ),
            hint=f"correct what is set of: {', '.join(given)}{_in_file(settings)}" if given else "",
        ) from None


def _unreadable(settings: KafkaSettings) -> Iterator[str]:
    """Yield a line for each file of the client that cannot be read; the client says only that it failed."""
    for name, path in settings.client_properties.items():
        if name.startswith("ssl.") and name.endswith(".location") and path != "probe":
            try:
                os.close(os.open(path, os.O_RDONLY))
            except OSError as error:
                yield f"{variable_of(name)}={path!r}: cannot be read: {error.strerror}"


def _in_file(settings: KafkaSettings) -> str:
    return f"; {settings.kafka_config} (KAFKA_CONFIG) may set them, too" if settings.kafka_config else ""


def _without_secrets(text: str, properties: Mapping[str, str]) -> str:
    for name, value in properties.items():
        if is_secret(name):
            text = text.replace(value, "***")
    return text
