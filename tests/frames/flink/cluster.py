"""A local Flink of this process for tests: its processes can be killed, and it can be started again."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from metrics.frames.flink import local_cluster
from metrics.frames.flink.gateway import session
from metrics.frames.flink.local_cluster.settings import TASK_MANAGERS, task_manager
from tests.kafka.application import wait_until

ENDED = {"FINISHED", "FAILED", "CANCELED", "SUSPENDED"}
STOP_TIMEOUT_S = 30


class Cluster:
    """A local Flink in a folder.

    Attributes:
        url: of its SQL gateway.
        said: the lines about its starts and stops.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.said: list[str] = []
        self._running = ExitStack()

    def start(self) -> None:
        """Start it, with what is in its folder."""
        self.url = self._running.enter_context(local_cluster.running(self.folder, self.said.append))

    def stop(self) -> None:
        """Stop it in order, or end what is left of it."""
        self._running.close()

    def kill(self, name: str = task_manager(1)) -> None:
        """Kill one of its processes, as `kill -9` does."""
        process = self.processes()[name]
        process.kill()
        process.wait(STOP_TIMEOUT_S)

    def kill_all(self) -> None:
        """Kill all of its processes at once; to start it again, stop it first."""
        for process in self.processes().values():
            process.kill()
        wait_until(lambda: not self.processes(), "all are gone")

    def processes(self) -> dict[str, psutil.Process]:
        """Return Java's processes by their names."""
        return local_cluster.found(self.folder)

    def task_managers(self) -> dict[str, psutil.Process]:
        """Return those that do the work, by their names."""
        names = {task_manager(number) for number in range(1, TASK_MANAGERS + 1)}
        return {name: process for name, process in self.processes().items() if name in names}

    def run(self, *statements: str) -> str | None:
        """Run SQL statements, and return the id of the job that the last of them started."""
        job_id = None
        with session(self.url) as gateway:
            for statement in statements:
                job_id = gateway.run(statement).job_id
        return job_id

    def rest(self, path: str) -> Any:
        """Return what the job manager's REST interface answers."""
        url = local_cluster.rest_url(self.folder)
        assert url is not None, "it does not run"
        return httpx.get(url + path, timeout=STOP_TIMEOUT_S).raise_for_status().json()

    def post(self, path: str, body: Mapping[str, object]) -> None:
        """Send the job manager's REST interface an order."""
        httpx.post(f"{local_cluster.rest_url(self.folder)}{path}", json=body, timeout=STOP_TIMEOUT_S).raise_for_status()

    def states(self) -> dict[str, str]:
        """Return the states of all jobs by their ids."""
        return {job["id"]: job["status"] for job in self.rest("/jobs")["jobs"]}

    def workers(self, job_id: str) -> set[str]:
        """Return the names of the task managers that work on a job."""
        tasks = [f"/jobs/{job_id}/vertices/{vertex['id']}" for vertex in self.rest(f"/jobs/{job_id}")["vertices"]]
        found = {part["taskmanager-id"] for task in tasks for part in self.rest(task)["subtasks"]}
        return {resource_id.rpartition("-")[0] for resource_id in found}

    def restored(self, job_id: str) -> str | None:
        """Return the savepoint or checkpoint that a job was restored from last; None without one."""
        latest = self.rest(f"/jobs/{job_id}/checkpoints")["latest"]["restored"]
        return None if latest is None else str(latest["external_path"])

    def make_ready(self) -> None:
        """Cancel all jobs; start it again if a process is gone."""
        if len(self.processes()) < 2 + TASK_MANAGERS:
            self.stop()
            self.start()
        for job_id, state in self.states().items():
            if state not in ENDED:
                with suppress(httpx.HTTPStatusError):  # it has ended meanwhile
                    url = f"{local_cluster.rest_url(self.folder)}/jobs/{job_id}?mode=cancel"
                    httpx.patch(url, timeout=STOP_TIMEOUT_S).raise_for_status()
        wait_until(lambda: ENDED.issuperset(self.states().values()), "all jobs have ended")
