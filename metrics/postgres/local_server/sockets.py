"""The Unix socket of a server: where it is, and whether the server answers on it."""

import hashlib
import os
import socket
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from metrics.errors import FileError

PORT = 5432  # part of the socket's name

_FILE = f".s.PGSQL.{PORT}"
_MAX_BYTES = 103 if os.uname().sysname == "Darwin" else 107  # of a socket's path


class Address(NamedTuple):
    """Address of a server that is ready."""

    folder: Path

    def url(self, database: str, user: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{user}@/{database}?host={quote(os.fsencode(self.folder), safe='')}&port={PORT}"

    def answers(self) -> bool:
        """Return whether a server listens."""
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(os.fsencode(self.folder / _FILE))
            except OSError:
                return False
        return True


def ready(data: Path) -> Address | None:
    """Return the address of the server of a data folder; None unless one accepts connections.

    The server writes it into `postmaster.pid`, whose last lines are: folder of the socket, host, shared memory, state.
    """
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_bytes().splitlines()
        if len(lines) >= 8 and lines[-1].strip() == b"ready":
            address = Address(Path(os.fsdecode(lines[-4])))
            return address if address.answers() else None
    return None


def prepared(folder: Path) -> Path:
    """Return the folder for the socket of a server that is about to start; no one else can look into it.

    It is `socket` in the server's folder, unless the system or PostgreSQL cannot use that path.

    Raises:
        FileError: it belongs to another user.
    """
    chosen = folder / "socket"
    if not _is_usable(chosen):
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()
        chosen = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"metrics-postgres-{digest[:16]}"
    with suppress(FileExistsError):
        chosen.mkdir(mode=0o700)
    _require_private(chosen)
    for stale in (_FILE, f"{_FILE}.lock"):
        (chosen / stale).unlink(missing_ok=True)
    return chosen


def as_setting(folder: Path) -> str:
    """Return a path as an element of a list of PostgreSQL's settings."""
    return '"' + str(folder).replace('"', '""') + '"'


def _is_usable(folder: Path) -> bool:
    """Return whether a path is short enough, and has no comma, at which clients split a list of hosts."""
    path = os.fsencode(folder / _FILE)
    return len(path) <= _MAX_BYTES and not set(b",\r\n") & set(path)


def _require_private(folder: Path) -> None:
    """Check that a folder is this user's own: in a folder that all can write, another user may have been first."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise FileError(
            f"the folder {folder} for the local database's socket cannot be used",
            why="it belongs to another user, or is no folder",
            hint="remove it, or set LOCAL_DATABASE_DIR to a folder with a shorter path",
        )
    folder.chmod(0o700)
