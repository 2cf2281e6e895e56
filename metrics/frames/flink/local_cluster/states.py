"""What a job leaves: its newest savepoint or checkpoint, and why it failed."""

import shutil
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import httpx

from metrics.frames.flink.gateway import ANSWER_TIMEOUT_S, cause
from metrics.frames.flink.local_cluster.settings import CHECKPOINTS, SAVEPOINTS, as_url
from metrics.frames.flink.quoting import quoted

KEPT = 3  # of each job: more than the one it continues from, if that turns out to be wrong


def kept_apart(folder: Path, name: str) -> list[str]:
    """Return the statements after which a session keeps the states of its jobs apart from those of other jobs.

    Args:
        folder: of the local Flink.
        name: of the job.
    """
    kept = (("dir", folder / CHECKPOINTS / _as_file(name)), ("savepoint-dir", folder / SAVEPOINTS / _as_file(name)))
    return [f"SET 'execution.checkpointing.{setting}' = '{quoted(as_url(path))}'" for setting, path in kept]


def newest_state(folder: Path, name: str) -> Path | None:
    """Return the newest complete savepoint or kept checkpoint of the jobs with a name; None if there is none."""
    return next(iter(_states(folder, _as_file(name))), None)


def remove_old(folder: Path) -> int:
    """Remove the states of the jobs of each name but for the newest KEPT, and return how many; no job may run."""
    names = {path.name for kind in (CHECKPOINTS, SAVEPOINTS) for path in (folder / kind).glob("*")}
    old = [state for name in names for state in _states(folder, name)[KEPT:]]
    for state in old:
        shutil.rmtree(state, ignore_errors=True)
    return len(old)


def _states(folder: Path, file_name: str) -> list[Path]:
    """Return the complete savepoints and checkpoints of the jobs with a name, the newest first.

    Flink writes `_metadata` last, and renames it into place.
    """
    found = [
        *(folder / CHECKPOINTS / file_name).glob("*/chk-*/_metadata"),
        *(folder / SAVEPOINTS / file_name).glob("*/_metadata"),
    ]
    ages: dict[Path, int] = {}
    for file in found:
        with suppress(FileNotFoundError):  # a running job removes the one before
            ages[file.parent.resolve()] = file.stat().st_mtime_ns
    return sorted(ages, key=ages.__getitem__, reverse=True)


def _as_file(name: str) -> str:
    """Return a name of a job as the name of a folder: Flink would decode a percent sign."""
    return quote(name, safe="").replace("%", "=")


def failure(rest_url: str, job_id: str) -> str:
    """Return why a job has failed last, as the job manager knows it; empty if it has not, is cancelled, or unknown."""
    with suppress(httpx.HTTPError, ValueError), httpx.Client(base_url=rest_url, timeout=ANSWER_TIMEOUT_S) as client:
        if client.get(f"/jobs/{job_id}").raise_for_status().json()["state"] != "CANCELED":
            history = client.get(f"/jobs/{job_id}/exceptions").json()["exceptionHistory"]["entries"]
            return cause(history[0]["stacktrace"]) if history else ""
    return ""
