"""Kafka nodes on this machine that form one cluster, or one node with settings of its own: each can be ended alone."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from metrics.java import log4j2, processes
from metrics.kafka.local_broker import jars, node
from metrics.kafka.local_broker.node import Ports
from tests.kafka.application import wait_until

PARTITIONS = 5  # of the topics of groups and of transactions

# Appended to what the local broker's node is started with: of a setting that comes twice, Kafka takes the last.
_PROPERTIES = """
node.id={number}
controller.quorum.voters={voters}
default.replication.factor={replicas}
min.insync.replicas={quorum}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions={partitions}
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={quorum}
transaction.state.log.num.partitions={partitions}
{more}
"""


class Node:
    """One node, which is broker and controller: it can be started, stopped, killed, frozen."""

    def __init__(self, number: int, folder: Path, ports: Ports) -> None:
        self.number = number
        self.ports = ports
        self._folder = folder
        self._process = ExitStack()

    def format(self, cluster_id: str, properties: str) -> None:
        """Write its settings, and make its data folder."""
        self._folder.mkdir()
        log4j2.write(self._folder)
        node._write_properties(self._folder / "server.properties", self.ports, "data")
        with (self._folder / "server.properties").open("a") as file:
            file.write(properties)
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", "server.properties"]
        node._run_tool(self._folder, [*self._java(), *tool])

    def start(self) -> None:
        """Start it, and do not wait until it answers."""
        kafka = {"jvm.log": [*self._java(), "kafka.Kafka", "server.properties"]}
        self._process.enter_context(processes.running(self._folder, kafka, "a node", print))

    def stop(self) -> None:
        """Stop it in order, so that it hands over what it leads and coordinates."""
        self._process.close()

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        for process in self._brokers():
            process.kill()
        self._process.close()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Freeze it for as long as the context lasts: it keeps its connections, and answers nothing."""
        frozen = self._brokers()
        for process in frozen:
            process.suspend()
        try:
            yield
        finally:
            for process in frozen:
                process.resume()

    def answers(self) -> bool:
        """Tell whether it answers, and knows of all partitions who leads them."""
        admin = AdminClient({"bootstrap.servers": self.ports.address, "log_level": 0})
        with suppress(KafkaException):
            topics = admin.list_topics(timeout=1).topics.values()
            return all(at.error is None and at.leader >= 0 for topic in topics for at in topic.partitions.values())
        return False

    def _java(self) -> list[str]:
        return [*node._java(self._folder, jars.class_path(print))]

    def _brokers(self) -> list[psutil.Process]:
        return [process for process in processes.of_folder(self._folder) if process.name() == "java"]


class Cluster:
    """Nodes that are started, all of which answer."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.nodes = nodes
        self.address = ",".join(each.ports.address for each in nodes)

    def leader(self, topic: str, partition: int) -> Node:
        """Return the node that leads a partition."""
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        leader = admin.list_topics(topic, timeout=10).topics[topic].partitions[partition].leader
        return self.nodes[leader - 1]

    def without_coordinator_of(self, group: str) -> Node:
        """Return a node that coordinates neither a group nor the transactions of the same name."""
        number = coordinator_partition(group)
        coordinators = [self.leader(topic, number) for topic in ("__consumer_offsets", "__transaction_state")]
        return next(each for each in self.nodes if each not in coordinators)

    def await_replicas(self) -> None:
        """Wait until all nodes answer, and all replicas of all partitions are in sync."""
        wait_until(self._are_all_in_sync, "all replicas are in sync")

    def await_no_leader(self, topic: str, partition: int) -> None:
        """Wait until a node that hangs leads its partition no longer; one without other replicas has no leader then."""
        wait_until(lambda: self._has_no_leader(topic, partition), "the partition has no leader")

    def _has_no_leader(self, topic: str, partition: int) -> bool:
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        with suppress(KafkaException):
            return admin.list_topics(topic, timeout=1).topics[topic].partitions[partition].leader < 0
        return False

    def _are_all_in_sync(self) -> bool:
        if not all(each.answers() for each in self.nodes):
            return False
        admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        topics = admin.list_topics(timeout=10).topics.values()
        return all(len(at.isrs) == len(at.replicas) for topic in topics for at in topic.partitions.values())


def coordinator_partition(name: str) -> int:
    """Return the partition whose leader coordinates a group or transactional id: Kafka takes it from Java's hash."""
    value = 0
    for letter in name.encode("ascii"):
        value = (31 * value + letter) & 0xFFFFFFFF
    return abs(value - (1 << 32) if value >> 31 else value) % PARTITIONS


@contextmanager
def running(folder: Path, nodes: int = 3, more: str = "") -> Iterator[Cluster]:
    """Run nodes for as long as the context lasts.

    Args:
        more: settings of all of them, as in a file of properties.
    """
    free = [Ports(*processes.free_ports(Ports())) for _ in range(nodes)]
    every = [Node(number, folder / str(number), ports) for number, ports in enumerate(free, 1)]
    # An id that starts with a dash would be taken for an option.
    cluster_id = urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")
    voters = ",".join(f"{each.number}@{processes.HOST}:{each.ports.controller}" for each in every)
    folder.mkdir(exist_ok=True)
    with ExitStack() as ending:
        for each in every:
            properties = _PROPERTIES.format(
                number=each.number,
                voters=voters,
                replicas=nodes,
                quorum=nodes // 2 + 1,
                partitions=PARTITIONS,
                more=more,
            )
            each.format(cluster_id, properties)
            each.start()
            ending.callback(each.kill)  # the last of them would wait 30 s for a controller to let them go
        cluster = Cluster(every)
        cluster.await_replicas()
        yield cluster
