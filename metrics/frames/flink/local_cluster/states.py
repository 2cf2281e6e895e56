"""What a job leaves: its newest savepoint or checkpoint, and why it failed."""

from contextlib import suppress
from operator import itemgetter
from pathlib import Path

import httpx

from metrics.frames.flink.gateway import ANSWER_TIMEOUT_S, cause


def newest_state(folder: Path) -> Path | None:
    """Return the newest complete savepoint or kept checkpoint of a local Flink's folder; None if there is none.

    Flink writes `_metadata` last, and renames it into place.
    """
    found = [*folder.glob("checkpoints/*/chk-*/_metadata"), *folder.glob("savepoints/*/_metadata")]
    ages: dict[Path, int] = {}
    for file in found:
        with suppress(FileNotFoundError):  # a running job removes the one before
            ages[file.parent.resolve()] = file.stat().st_mtime_ns
    return max(ages, key=ages.__getitem__, default=None)


def failure(rest_url: str) -> str:
    """Return why the job that began last has failed, as the job manager knows it; empty if it has not, or is away."""
    with suppress(httpx.HTTPError, ValueError), httpx.Client(base_url=rest_url, timeout=ANSWER_TIMEOUT_S) as client:
        jobs = client.get("/jobs/overview").raise_for_status().json()["jobs"]
        newest = max(jobs, key=itemgetter("start-time"), default=None)
        if newest is not None and newest["state"] == "FAILED":
            history = client.get(f"/jobs/{newest['jid']}/exceptions").json()["exceptionHistory"]["entries"]
            return cause(history[0]["stacktrace"]) if history else ""
    return ""
