"""Clients of the broker, and how they are set up."""

import errno
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata

from metrics.errors import SettingsError
from metrics.kafka import futures
from metrics.kafka.errors import text_of, text_of_error
from metrics.kafka.settings import CLIENT_PREFIX, KafkaSettings, is_secret
from metrics.kafka.unreachable import require_names, unreachable

REACH_TIMEOUT_S = 10.0
# A broker whose addresses all fail is given up after this long: the client has tried each several times by then.
DOWN_S = 1.5
SAY_AFTER_S = 1.0
LOOK_TIMEOUT_S = 1.0
# Between two steps, Ctrl-C is heard, and what the client has to tell.
STEP_S = 0.25

# librdkafka logs each broken connection by itself. What matters of that reaches people through our errors.
client_log = logging.getLogger("metrics.client")
client_log.addHandler(logging.NullHandler())
client_log.propagate = False

# For people: that a connection takes its time.
connection_log = logging.getLogger(__name__)

# The system's words for a port that nobody listens at. The client passes them on, and has no code for it of its own.
_REFUSED = os.strerror(errno.ECONNREFUSED)

# A name that no client will ever have a property of.
_NO_PROPERTY = "no.property.of.any.client"

OnError = Callable[[KafkaError], None]
Client = TypeVar("Client")


def pass_over(_: KafkaError) -> None:
    """Leave an error to the calls that it makes fail."""


def open_consumer(
    settings: KafkaSettings, on_error: OnError = pass_over, also_preferred: Mapping[str, object] | None = None
) -> Consumer:
    """Open a consumer of the input topic, which reads committed records and is assigned by hand."""
    preferred = {
        # By default the fetcher sleeps for a second whenever its queue is full.
        "fetch.queue.backoff.ms": 5,
        **(also_preferred or {}),
    }
    # Where to read is part of the state: an offset that is gone is an error, never a silent reset.
    fixed = {**_reading(settings), "auto.offset.reset": "error"}
    return _open(Consumer, settings, on_error, preferred, fixed)


def _reading(settings: KafkaSettings) -> dict[str, object]:
    return {
        "group.id": settings.consumer_group_id,  # assigned by hand, it never joins the group
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
    }


def open_reader(settings: KafkaSettings) -> Consumer:
    """Open a consumer for partitions that are paused and resumed time and again.

    What was fetched of a partition is fetched again after a pause, so little is fetched ahead. And to resume a
    partition is to wait for the answer of the fetch before.
    """
    return open_consumer(settings, also_preferred={"queued.max.messages.kbytes": 8_192, "fetch.wait.max.ms": 10})


def open_backward_reader(settings: KafkaSettings) -> Consumer:
    """Open a consumer that reads some thousand records, then those before them, and so on.

    Anything fetched beyond these is wasted.
    """
    preferred = {
        "fetch.max.bytes": 4_194_304,
        "fetch.wait.max.ms": 10,
        "queued.max.messages.kbytes": 8_192,
    }
    return open_consumer(settings, also_preferred=preferred)


def open_observer(settings: KafkaSettings) -> Consumer:
    """Open a consumer that looks at single records, and fetches little more than these."""
    preferred = {
        "max.partition.fetch.bytes": 65_536,
        "queued.min.messages": 1,
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 50,
    }
    return _open(Consumer, settings, pass_over, preferred, {**_reading(settings), "auto.offset.reset": "earliest"})


def open_asker(settings: KafkaSettings, group: str) -> Consumer:
    """Open a consumer that asks for the committed offsets of a group, and reads nothing.

    It gets those of the last transaction that has ended: to read uncommitted records means that none is waited for.
    """
    fixed = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
    return _open(Consumer, settings, pass_over, {}, fixed)


def assign(consumer: Consumer, starts: Sequence[TopicPartition]) -> None:
    """Let a consumer read on from these offsets, and from nowhere else.

    It is made to look up the partitions first: by itself, it looks up unknown ones only once a second, and the first
    record would take that long. If no answer comes, it goes on looking.
    """
    for topic in {start.topic for start in starts}:
        with suppress(KafkaException):
            consumer.list_topics(topic, LOOK_TIMEOUT_S)
    consumer.assign(list(starts))


def open_transactional_producer(settings: KafkaSettings, batch_bytes: int, on_error: OnError = pass_over) -> Producer:
    """Open the producer of all outputs. Its transactional id is the consumer group's.

    Args:
        batch_bytes: largest batch of records that every topic takes: brokers hold a batch to the limit of a record.
    """
    preferred = {
        "batch.size": min(1_000_000, batch_bytes),
        # A commit asks its coordinator again at this pace: with the default of 100, transactions take 120 ms.
        "retry.backoff.ms": 10,
        "linger.ms": 5,
        # A broker that hangs is noticed, and what a killed process left open is aborted, after this long.
        "socket.timeout.ms": 10_000,
        "transaction.timeout.ms": 30_000,
        # The topics' own limits decide, so the client has none.
        "message.max.bytes": 1_000_000_000,
    }
    fixed = {
        "transactional.id": settings.consumer_group_id,
        "enable.idempotence": True,
        "delivery.report.only.error": True,
    }
    return _open(Producer, settings, on_error, preferred, fixed)


def open_gapless_producer(settings: KafkaSettings, record_bytes: int, on_error: OnError = pass_over) -> Producer:
    """Open an idempotent producer of an input topic which, when a record fails, sends none of those after it.

    Its records never time out, because those after one that did would still be sent; its user has to give up on them.

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


def open_admin(settings: KafkaSettings) -> AdminClient:
    """Open an admin client, and see that the broker answers.

    Raises:
        BrokerError: it did not answer within REACH_TIMEOUT_S, every address of it failed for DOWN_S, or no name that
            it gives its nodes can be resolved.
    """
    causes: dict[str, int] = {}  # what the client says, each once, in the order in which it came, and its code

    def note(error: KafkaError) -> None:
        causes[text_of_error(error)] = error.code()

    admin = _open(AdminClient, settings, note, {}, {})
    try:
        found = _metadata(admin, settings, causes)
    except (KafkaException, TimeoutError, _AllDownError) as error:
        admin.poll(0)
        said = [text for text, code in causes.items() if code != KafkaError._ALL_BROKERS_DOWN]
        why = "\n".join(said) or (
            text_of(error) if isinstance(error, KafkaException) else "the broker closed the connection"
        )
        is_refused = bool(said) and all(text.endswith(_REFUSED) for text in said)
        raise unreachable(settings, causes.values(), why, is_refused=is_refused) from None
    require_names(settings, [str(node.host) for node in found.brokers.values()])
    _known_addresses.add(settings.bootstrap_servers)
    return admin


def _metadata(admin: AdminClient, settings: KafkaSettings, causes: Mapping[str, int]) -> ClusterMetadata:
    """Ask which nodes and topics there are.

    Until a node is connected to, it is asked for in short steps: a call that goes on in another thread would keep the
    client, its threads and handles, after it is given up. Only a node that takes its time to answer is waited for so.
    """
    began_s = monotonic()

    def say() -> None:
        address = settings.bootstrap_servers
        if address not in _known_addresses and monotonic() - began_s >= SAY_AFTER_S:
            _known_addresses.add(address)
            connection_log.info("connecting to %s …", address)

    while True:
        try:
            return admin.list_topics(timeout=STEP_S)
        except KafkaException as error:
            code, left_s = error.args[0].code(), REACH_TIMEOUT_S - (monotonic() - began_s)
            if code not in (KafkaError._TIMED_OUT, KafkaError._TRANSPORT) or left_s <= 0:
                raise
        admin.poll(0)
        say()
        if code == KafkaError._TIMED_OUT:  # there is a connection
            found: ClusterMetadata = futures.call(left_s + 1, admin.list_topics, None, left_s, meanwhile=say)
            return found
        if left_s <= REACH_TIMEOUT_S - DOWN_S and KafkaError._ALL_BROKERS_DOWN in causes.values():
            raise _AllDownError


class _AllDownError(Exception):
    """No address of the broker can be talked to."""


# Addresses that have answered, or of which it was said that they are connected to: it is not said in an outage.
_known_addresses: set[str | None] = set()


def unknown_properties(settings: KafkaSettings) -> list[str]:
    """Return the client properties that were set but that the client does not have; it is opened without them.

    Kubernetes sets KAFKA_PORT, KAFKA_SERVICE_HOST and more for a Service of the name kafka.
    """
    return [name for name in settings.client_properties if not _is_property(name)]


@cache
def _is_property(name: str) -> bool:
    """Ask the client whether it has a property. No client comes of it, as another property is always refused."""
    try:
        Producer({name: "", _NO_PROPERTY: ""})
    except KafkaException as error:
        return text_of(error) != _refusal_of_unknown().replace(_NO_PROPERTY, name)
    except (AttributeError, TypeError, ValueError):
        return False  # it takes an object, which no variable holds
    raise AssertionError(f"the client takes {_NO_PROPERTY}")


@cache
def _refusal_of_unknown() -> str:
    """Return what the client says of a property that it does not have, since its code tells no more than `invalid`."""
    try:
        Producer({_NO_PROPERTY: ""})
    except KafkaException as error:
        return text_of(error)
    raise AssertionError(f"the client takes {_NO_PROPERTY}")


def _open(
    kind: Callable[[dict[str, Any]], Client],
    settings: KafkaSettings,
    on_error: OnError,
    preferred: Mapping[str, object],
    fixed: Mapping[str, object],
) -> Client:
    """Open a client with what this application prefers, then what the user says, then what must be."""
    config = {
        "client.id": "frames-metrics",
        "reconnect.backoff.max.ms": 1000,
        # All brokers are connected to at once; else every client waits 50 ms after its first answer.
        "enable.sparse.connections": False,
        # Without it, the client writes to standard error by itself; as it does for who wants to see what it does.
        **({} if "debug" in settings.client_properties else {"logger": client_log}),
        "error_cb": on_error,
        **preferred,
        **{name: text for name, text in settings.client_properties.items() if _is_property(name)},
        **fixed,
        "bootstrap.servers": settings.bootstrap_servers,
    }
    try:
        return kind(config)
    except KafkaException as error:
        given = [CLIENT_PREFIX + name.upper().replace(".", "_") for name in settings.client_properties]
        raise SettingsError(
            "the Kafka client refuses its settings",
            why=_without_secrets(text_of(error), settings.client_properties),
            hint=f"correct what is set of: {', '.join(given)}" if given else "",
        ) from None


def _without_secrets(text: str, properties: Mapping[str, str]) -> str:
    for name, value in properties.items():
        if is_secret(name):
            text = text.replace(value, "***")
    return text
