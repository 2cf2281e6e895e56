"""What a job leaves: its newest savepoint or checkpoint, and why it failed."""

import re
import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx

from metrics.frames.flink.gateway import ANSWER_TIMEOUT_S, cause
from metrics.frames.flink.local_cluster.settings import CHECKPOINTS, NAME, SAVEPOINTS, as_url
from metrics.frames.flink.quoting import quoted
from metrics.wording.errors import FileError, SettingsError

_METADATA = "_metadata"
_WITH_A_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:/")


def kept_apart(folder: Path, name: str) -> list[str]:
    """Return the statements after which a session keeps the states of its jobs apart from those of other jobs.

    Args:
        folder: of the local Flink.
        name: of the states.
    """
    return [_keeping("dir", folder / CHECKPOINTS / _as_file(name)), _savepoints(folder, _as_file(name))]


def kept_beside(folder: Path, job_id: str) -> list[str]:
    """Return the statement after which a session keeps the savepoint of a job beside its named checkpoints."""
    return [_savepoints(folder, name) for name in _names_of(folder, job_id)]


def newest_state(folder: Path, name: str) -> Path | None:
    """Return the newest complete savepoint or kept checkpoint under a name; None if there is none."""
    return next(iter(_states(folder, _as_file(name))), None)


def newest_beside(folder: Path, job_id: str) -> Path | None:
    """Return the newest complete state under the name that the states of a job have; None if there is none."""
    return next((newest for name in _names_of(folder, job_id) for newest in _states(folder, name)[:1]), None)


def named_state(folder: Path, place: str) -> Path | None:
    """Return the folder of a state that is kept under a name; None for any other place.

    Args:
        place: of a savepoint or checkpoint, as a path or as an address of Flink's.
    """
    path = _path_of(place)
    kinds = ((folder / CHECKPOINTS, 3), (folder / SAVEPOINTS, 2))
    is_named = any(
        path.is_relative_to(kind.resolve()) and len(path.relative_to(kind.resolve()).parts) == depth
        for kind, depth in kinds
    )
    return path if is_named else None


def complete_state(place: str) -> Path:
    """Return the folder of a complete savepoint or checkpoint.

    Args:
        place: of it or of its `_metadata`, as a path or as an address of Flink's.

    Raises:
        SettingsError: it is not in files.
        FileError: it is missing, unreadable, or not complete.
    """
    path = _path_of(place)
    if not place.startswith("file:") and _WITH_A_SCHEME.match(place):
        raise SettingsError(
            f"the {NAME} cannot read {place}",
            why="it reads files of this machine alone",
            hint="copy it to this machine, and give its path\nor take a Flink that can read it: FLINK_URL=http://host:8083",
        )
    try:
        (path / _METADATA).open("rb").close()
    except OSError as error:
        is_incomplete = isinstance(error, FileNotFoundError) and path.is_dir()
        raise FileError(
            f"the savepoint or checkpoint {place} cannot be read",
            why=f"the folder has no file {_METADATA}, which Flink writes last"
            if is_incomplete
            else f"{error.strerror}",
            hint="give the path that flink stop, or Ctrl-C in flink run, has printed",
        ) from error
    return path


def _path_of(place: str) -> Path:
    return Path(place.removeprefix("file://").removeprefix("file:").removesuffix(f"/{_METADATA}")).resolve()


def is_kept_under(folder: Path, job_id: str, name: str) -> bool:
    """Return whether the states of a job are kept under a name, or one that continues it after a dot."""
    file_name = _as_file(name)
    return any(f"{kept}.".startswith(f"{file_name}.") for kept in _names_of(folder, job_id))


def remove_old(folder: Path) -> int:
    """Remove the states under each name but for the newest, and return how many; no job may run."""
    names = {path.name for kind in (CHECKPOINTS, SAVEPOINTS) for path in (folder / kind).glob("*")}
    old = [state for name in names for state in _states(folder, name)[1:]]
    for state in old:
        shutil.rmtree(state, ignore_errors=True)
    return len(old)


def _names_of(folder: Path, job_id: str) -> list[str]:
    """Return the name that the states of a job have, as that of a folder, if they have one."""
    return [path.parent.name for path in (folder / CHECKPOINTS).glob(f"*/{job_id}")]


def _savepoints(folder: Path, file_name: str) -> str:
    return _keeping("savepoint-dir", folder / SAVEPOINTS / file_name)


def _keeping(setting: str, path: Path) -> str:
    return f"SET 'execution.checkpointing.{setting}' = '{quoted(as_url(path))}'"


def _states(folder: Path, file_name: str) -> list[Path]:
    """Return the complete savepoints and checkpoints under a name, the newest first.

    Flink writes `_metadata` last, and renames it into place.
    """
    found = [
        *(folder / CHECKPOINTS / file_name).glob(f"*/chk-*/{_METADATA}"),
        *(folder / SAVEPOINTS / file_name).glob(f"*/{_METADATA}"),
    ]
    ages: dict[Path, int] = {}
    for file in found:
        with suppress(FileNotFoundError):  # a running job removes the one before
            ages[file.parent.resolve()] = file.stat().st_mtime_ns
    return sorted(ages, key=ages.__getitem__, reverse=True)


def _as_file(name: str) -> str:
    """Return a name as that of a folder: Flink would decode a percent sign."""
    return quote(name, safe="").replace("%", "=")


def failure(rest_url: str, job_id: str) -> str:
    """Return why a job has failed last, as the job manager knows it; empty if it has not, is cancelled, or unknown."""
    with suppress(httpx.HTTPError, ValueError), httpx.Client(base_url=rest_url, timeout=ANSWER_TIMEOUT_S) as client:
        if client.get(f"/jobs/{job_id}").raise_for_status().json()["state"] != "CANCELED":
            history = client.get(f"/jobs/{job_id}/exceptions").json()["exceptionHistory"]["entries"]
            return cause(history[0]["stacktrace"]) if history else ""
    return ""
