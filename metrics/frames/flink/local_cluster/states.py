"""What a job leaves: its newest savepoint or checkpoint, and why it failed."""

from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from urllib.parse import quote

import httpx

from metrics.frames.flink.gateway import ANSWER_TIMEOUT_S, cause
from metrics.frames.flink.local_cluster.settings import CHECKPOINTS, SAVEPOINTS, as_url


def kept_apart(folder: Path, name: str) -> list[str]:
    """Return the statements after which a session keeps the states of its jobs apart from those of other jobs.

    Args:
        folder: of the local Flink.
        name: of the job.
    """
    kept = (("dir", folder / CHECKPOINTS / _as_file(name)), ("savepoint-dir", folder / SAVEPOINTS / _as_file(name)))
    return [f"SET 'execution.checkpointing.{setting}' = '{_quoted(as_url(path))}'" for setting, path in kept]


def newest_state(folder: Path, name: str) -> Path | None:
    """Return the newest complete savepoint or kept checkpoint of the jobs with a name; None if there is none.

    Flink writes `_metadata` last, and renames it into place.
    """
    found = [
        *(folder / CHECKPOINTS / _as_file(name)).glob("*/chk-*/_metadata"),
        *(folder / SAVEPOINTS / _as_file(name)).glob("*/_metadata"),
    ]
    ages: dict[Path, int] = {}
    for file in found:
        with suppress(FileNotFoundError):  # a running job removes the one before
            ages[file.parent.resolve()] = file.stat().st_mtime_ns
    return max(ages, key=ages.__getitem__, default=None)


def _as_file(name: str) -> str:
    """Return a name of a job as the name of a folder: Flink would decode a percent sign."""
    return quote(name, safe="").replace("%", "=")


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def failure(rest_url: str) -> str:
    """Return why the job that began last has failed, as the job manager knows it; empty if it has not, or is away."""
    with suppress(httpx.HTTPError, ValueError), httpx.Client(base_url=rest_url, timeout=ANSWER_TIMEOUT_S) as client:
        jobs = client.get("/jobs/overview").raise_for_status().json()["jobs"]
        newest = max(jobs, key=itemgetter("start-time"), default=None)
        if newest is not None and newest["state"] == "FAILED":
            history = client.get(f"/jobs/{newest['jid']}/exceptions").json()["exceptionHistory"]["entries"]
            return cause(history[0]["stacktrace"]) if history else ""
    return ""
