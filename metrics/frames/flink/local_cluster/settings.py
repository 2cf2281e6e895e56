"""Settings of the local Flink: its parts, and the files that they read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from metrics.java import log4j2
from metrics.java.processes import HOST

NAME = "local Flink"
FLINK_VERSION = "2.3.0"
TASK_MANAGERS, SLOTS = 2, 4
# Of one job, which takes a slot for each: one that counts and one for dead letters run side by side.
MOST_TASKS = TASK_MANAGERS * SLOTS // 2
JOB_MANAGER, GATEWAY = "jobmanager", "gateway"
CHECKPOINTS, SAVEPOINTS = "checkpoints", "savepoints"

INSTEAD = """or use another Flink:
  docker compose --profile flink up                (needs Docker)
  FLINK_URL=http://host:8083 python app.py …       (any SQL gateway that runs)"""

_MB = 1 << 20

# What Flink's own config.yaml opens, apart from modules that a Java runtime without compiler does not have.
_OPENED = (
    *("java.lang", "java.net", "java.io", "java.nio", "sun.nio.ch", "java.lang.reflect", "java.text", "java.time"),
    *("java.util", "java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks"),
)
_JAVA_OPTIONS = (
    *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.io.tmpdir=tmp",
)
# A job manager and a gateway work for a moment at a time; only task managers are worth the second compiler.
_QUICK_START = "-XX:TieredStopAtLevel=1"

# Flink's scripts would work these out; a task manager that is started without them has to be given all.
_TASK_MANAGER = {
    "taskmanager.memory.framework.heap.size": 64 * _MB,
    "taskmanager.memory.task.heap.size": 576 * _MB,
    "taskmanager.memory.framework.off-heap.size": 64 * _MB,
    "taskmanager.memory.task.off-heap.size": 0,
    "taskmanager.memory.network.min": 64 * _MB,
    "taskmanager.memory.network.max": 64 * _MB,
    "taskmanager.memory.managed.size": 128 * _MB,
    "taskmanager.memory.jvm-metaspace.size": 192 * _MB,
    "taskmanager.memory.jvm-overhead.min": 64 * _MB,
    "taskmanager.memory.jvm-overhead.max": 64 * _MB,
}

# A collection of young objects copies the frames that are read ahead; with room for more of them, it is rarer.
_TASK_MANAGER_OPTIONS = ("-Xmx640m", "-Xmn256m", "-XX:MaxDirectMemorySize=192m", "-XX:MaxMetaspaceSize=192m")


class Ports(NamedTuple):
    """Ports that have to be known before the start; 0 is a port still to be chosen. All others are any that is free."""

    gateway: int = 0
    rest: int = 0
    rpc: int = 0

    @property
    def gateway_url(self) -> str:
        """The address of the SQL gateway, for clients."""
        return f"http://{HOST}:{self.gateway}"

    @property
    def rest_url(self) -> str:
        """The address of the job manager's REST interface."""
        return f"http://{HOST}:{self.rest}"


class Part(NamedTuple):
    """Process of the local Flink.

    Attributes:
        name: which its log has, too.
        options: of Java.
        command: the class and its arguments.
        resource_id: by which a job manager knows a task manager; empty for others.
    """

    name: str
    options: tuple[str, ...]
    command: tuple[str, ...]
    resource_id: str = ""

    @property
    def log(self) -> str:
        """The log file, relative to the folder."""
        return f"log/{self.name}.log"

    @property
    def printed(self) -> str:
        """The file for what Java prints, relative to the folder."""
        return f"log/{self.name}.out"

    def java(self) -> tuple[str, ...]:
        """Return the options of Java, without the class path."""
        return (*_JAVA_OPTIONS, *self.options, *log4j2.options(self.log))


def task_manager(number: int) -> str:
    """Return the name of a task manager, counted from 1."""
    return f"taskmanager-{number}"


def parts(cluster: str) -> list[Part]:
    """Return the processes of a cluster.

    Args:
        cluster: an id that no other cluster has, by which its task managers are known.
    """
    entrypoint = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
    return [
        Part(JOB_MANAGER, ("-Xmx384m", "-XX:MaxMetaspaceSize=256m", _QUICK_START), (entrypoint, "--configDir", "conf")),
        *(_task_manager(number, cluster) for number in range(1, TASK_MANAGERS + 1)),
        Part(GATEWAY, ("-Xmx256m", _QUICK_START), ("org.apache.flink.table.gateway.SqlGateway",)),
    ]


def _task_manager(number: int, cluster: str) -> Part:
    name = task_manager(number)
    resource_id = f"{name}-{cluster}"
    runner = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
    command = (runner, "--configDir", "conf", "-D", f"taskmanager.resource-id={resource_id}")
    return Part(name, _TASK_MANAGER_OPTIONS, command, resource_id)


def as_url(folder: Path) -> str:
    """Return the address of a folder as Flink takes it: not percent-encoded."""
    return f"file://{folder.resolve()}"


def configuration(folder: Path, ports: Ports) -> Mapping[str, object]:
    """Return Flink's configuration, for all parts.

    The temporary folder is relative to the working directory: Flink would split its path at commas and colons.
    """
    return {
        "jobmanager.rpc.address": HOST,
        "jobmanager.rpc.port": ports.rpc,
        "jobmanager.bind-host": HOST,
        "rest.address": HOST,
        "rest.bind-address": HOST,
        "rest.port": ports.rest,
        "sql-gateway.endpoint.rest.address": HOST,
        "sql-gateway.endpoint.rest.bind-address": HOST,
        "sql-gateway.endpoint.rest.port": ports.gateway,
        "taskmanager.host": HOST,
        "taskmanager.bind-host": HOST,
        "taskmanager.rpc.port": 0,
        "taskmanager.data.port": 0,
        "blob.server.port": 0,
        "taskmanager.numberOfTaskSlots": SLOTS,
        "taskmanager.cpu.cores": float(SLOTS),
        **{name: f"{size_bytes} b" for name, size_bytes in _TASK_MANAGER.items()},
        "taskmanager.load-balance.mode": "SLOTS",
        "io.tmp.dirs": "tmp",
        # A killed task manager is known by its broken connection. A timeout of 3 s restarted jobs on a busy machine.
        "heartbeat.interval": "500 ms",
        "heartbeat.timeout": "30 s",
        "state.backend.type": "hashmap",
        "execution.checkpointing.dir": as_url(folder / CHECKPOINTS),
        "execution.checkpointing.savepoint-dir": as_url(folder / SAVEPOINTS),
        "execution.checkpointing.interval": "1 s",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        # A fixed delay counts restarts over the whole life of a job. This one counts those without a good minute in
        # between: 15 are an outage of a minute and a half, after which the job fails for good.
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500 ms",
        "restart-strategy.exponential-delay.max-backoff": "10 s",
        "restart-strategy.exponential-delay.reset-backoff-threshold": "1 min",
        "restart-strategy.exponential-delay.attempts-before-reset-backoff": 15,
    }


def write(folder: Path, ports: Ports) -> None:
    """Write the files that all parts read.

    Raises:
        OSError: the folder cannot be written.
    """
    for name in ("conf", "log", "tmp", CHECKPOINTS, SAVEPOINTS):
        (folder / name).mkdir(exist_ok=True)
    lines = ["# Rewritten at each start of the local Flink."]
    lines += [f"{name}: {json.dumps(value)}" for name, value in configuration(folder, ports).items()]
    (folder / "conf" / "config.yaml").write_text("\n".join(lines) + "\n")
    log4j2.write(folder)
