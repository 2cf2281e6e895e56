"""The Unix socket of a server: where it is, and whether the server answers on it."""

import hashlib
import os
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from metrics.wording.errors import FileError

PORT = 5432  # part of the socket's name

_FILE = f".s.PGSQL.{PORT}"
_MAX_BYTES = 103 if sys.platform == "darwin" else 107  # of a socket's path, without the final NUL


class Postmaster(NamedTuple):
    """The first process of a server, as it describes itself in `postmaster.pid`.

    Attributes:
        pid: its process id.
        folder: of its socket.
        state: starting, ready or stopping.
    """

    pid: int
    folder: Path
    state: str

    def accepts(self) -> bool:
        """Return whether it accepts connections.

        Raises:
            FileError: the socket's folder belongs to another user, so the server behind it might, too.
        """
        if self.state != "ready" or not self.folder.exists():
            return False
        _require_private(self.folder)
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(os.fsencode(self.folder / _FILE))
            except OSError:  # the file was left by a server that was killed
                return False
        return True

    def is_starting(self) -> bool:
        """Return whether it is starting, which may include a recovery."""
        return self.state == "starting"

    def url(self, database: str, user: str) -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{user}@/{database}?host={quote(os.fsencode(self.folder), safe='')}&port={PORT}"


def read_postmaster(data: Path) -> Postmaster | None:
    """Return the process that wrote the `postmaster.pid` of a data folder; None if that is missing or incomplete.

    Its lines are: process id, data folder, start, port, folder of the socket, host, shared memory, state.
    """
    with suppress(FileNotFoundError):
        lines = (data / "postmaster.pid").read_bytes().splitlines()
        if len(lines) >= 8:
            return Postmaster(int(lines[0]), Path(os.fsdecode(lines[-4])), lines[-1].decode().strip())
    return None


def prepare_folder(folder: Path) -> Path:
    """Create the folder for the socket of a server that is about to start, and return it; no other user can enter it.

    It is `socket` in the server's folder, or a folder with a shorter path.

    Raises:
        FileError: it belongs to another user.
    """
    chosen = next(place for place in _places(folder) if _is_usable(place))
    with suppress(FileExistsError):
        chosen.mkdir(mode=0o700)
    _require_private(chosen)
    chosen.chmod(0o700)
    for stale in (_FILE, f"{_FILE}.lock"):
        (chosen / stale).unlink(missing_ok=True)
    return chosen


def as_setting(folder: Path) -> str:
    """Return a path as an element of a list in PostgreSQL's settings."""
    return '"' + str(folder).replace('"', '""') + '"'


def _places(folder: Path) -> Iterator[Path]:
    yield folder / "socket"
    name = f"metrics-postgres-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _is_private(Path(runtime)):  # it is another user's after `su`
        yield Path(runtime) / name
    yield Path(tempfile.gettempdir()) / name
    yield Path("/tmp") / name  # noqa: S108  # its owner is checked


def _is_usable(folder: Path) -> bool:
    """Return whether a path is short enough, has no comma, where clients split a list of hosts, and is one line."""
    path = os.fsencode(folder / _FILE)
    return len(path) <= _MAX_BYTES and not set(b",\r\n") & set(path)


def _is_private(folder: Path) -> bool:
    """Return whether a folder is this user's own; a link is not."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _require_private(folder: Path) -> None:
    """Check that a folder is this user's own: where everyone can write, another user may have been first."""
    if not _is_private(folder):
        raise FileError(
            f"the folder {folder} for the local database's socket cannot be used",
            why="it belongs to another user, or is not a folder",
            hint="remove it, or set LOCAL_DATABASE_DIR to a folder with a shorter path",
        )
