"""The image of the Dockerfile, built and run: left out where no Docker engine answers, or its base image cannot be had.

On a machine with Debian's packages, `pipenv run try-compose` makes both, and runs these.
"""

import re
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metrics.kafka import local_broker

ROOT = Path(__file__).parents[2]
PARTS = ["Dockerfile", ".dockerignore", "Pipfile", "Pipfile.lock", "app.py", "metrics"]
NOWHERE = "BOOTSTRAP_SERVERS=127.0.0.1:1"
# Asks the job's own metrics, by what the image has.
CONSUMED = """
import os, re, urllib.request
with urllib.request.urlopen(f"http://127.0.0.1:{os.environ['METRICS_PORT']}/metrics") as answer:
    consumed = re.findall(r"^frames_consumed_total[^ ]* (\\S+)", answer.read().decode(), re.MULTILINE)
print("consumed:", int(sum(map(float, consumed))))
"""
pytestmark = pytest.mark.slow


def docker(*arguments: str | Path, exit_code: int | None = 0, timeout_s: float = 60) -> str:
    """Run `docker …`, see its exit code, and return what it printed."""
    command = ["docker", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert exit_code in {None, ended.returncode}, f"{command} ended with {ended.returncode}: {ended.stderr}"
    return ended.stdout + ended.stderr


def is_done(*arguments: str, timeout_s: float = 60) -> bool:
    try:
        docker(*arguments, timeout_s=timeout_s)
    except (AssertionError, OSError, subprocess.TimeoutExpired):
        return False
    return True


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Build the image from a checkout that nobody but its owner may read, as with umask 077."""
    [base] = set(re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    if shutil.which("docker") is None or not is_done("version", timeout_s=10):
        pytest.skip("no Docker engine answers")
    if not (is_done("image", "inspect", base) or is_done("pull", "--quiet", base, timeout_s=120)):
        pytest.skip(f"the image {base} is not here, and cannot be pulled")
    checkout = tmp_path_factory.mktemp("checkout")
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, checkout / part)
    for path in checkout.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    name = f"frames-metrics-test:{uuid.uuid4().hex[:12]}"
    docker("build", "--quiet", "--tag", name, checkout, timeout_s=900)
    yield name
    docker("image", "rm", "--force", name)


@contextmanager
def container(*arguments: str) -> Iterator[str]:
    """Run a container in the background; gives its id. It is gone at the end, whatever becomes of it."""
    name = docker("run", "--detach", *arguments).strip()
    try:
        yield name
    finally:
        docker("rm", "--force", name)


def wait_until_healthy(name: str, *port: str) -> None:
    """Run the health check in a container until it ends with 0."""
    until_s = time.monotonic() + 60
    while not is_done("exec", name, "python", "-m", "metrics.monitoring.container", *port):
        assert time.monotonic() < until_s, docker("logs", name)
        time.sleep(0.5)


def wait_until_counted(name: str, frames: int) -> None:
    """Wait until the job in a container has committed that it consumed so many frames."""
    until_s = time.monotonic() + 60
    while f"consumed: {frames}" not in docker("exec", name, "python", "-c", CONSUMED):
        assert time.monotonic() < until_s, docker("logs", name)
        time.sleep(0.5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.timeout(900)
def test_any_user_may_run_it_and_none_but_root_may_change_it(image: str) -> None:
    assert "prepare-topics" in docker("run", "--rm", image, "--help")
    assert "prepare-topics" in docker("run", "--rm", "--user", "12345:12345", image, "--help")
    inside = "id -u; find /app ! -user root; find /app ! -type l -writable; find /app ! -readable"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", inside) == "10001\n"


def test_nothing_can_be_installed_in_it(image: str) -> None:
    pip = "find / -xdev -path '*/site-packages/pip' -o -path '*/bin/pip*'"
    assert docker("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", pip) == ""
    for python in ("/app/.venv/bin/python", "/usr/local/bin/python"):
        told = docker("run", "--rm", "--entrypoint", python, image, "-m", "pip", exit_code=1)
        assert told.endswith("No module named pip\n")


@pytest.mark.parametrize(
    "modules",
    [
        "metrics.monitoring.container",
        "metrics.frames.commands.counting, metrics.frames.web.system",
        "metrics.catalogue.commands.load, metrics.catalogue.collect.s3, metrics.catalogue.web.system",
    ],
)
def test_nothing_is_compiled_when_it_runs(image: str, modules: str) -> None:
    told = docker("run", "--rm", "--entrypoint", "python", image, "-v", "-c", f"import {modules}")
    loaded = re.findall(r"^# code object from '?(.*?)'?$", told, re.MULTILINE)
    assert len(loaded) > 20
    assert [path for path in loaded if not path.endswith(".pyc")] == []


def test_the_page_is_served_where_nothing_can_be_written(image: str) -> None:
    closed = ("--read-only", "--cap-drop", "ALL", "--env", NOWHERE)
    page = "from urllib.request import urlopen; print(urlopen('http://127.0.0.1:8000/').status)"
    with container(*closed, image, "serve") as name:
        wait_until_healthy(name, "8000")
        assert docker("exec", name, "python", "-c", page) == "200\n"


def test_a_folder_data_that_its_user_may_not_read_is_an_error_and_not_empty(image: str, tmp_path: Path) -> None:
    (tmp_path / "stream.jsonl").touch()
    tmp_path.chmod(0o700)
    data = f"{tmp_path}:/app/data:ro"
    told = docker(
        "run", "--rm", "--env", NOWHERE, "--volume", data, image, "prepare-topics", "--or-generate", exit_code=3
    )
    assert told.startswith("error: /app/data cannot be read\nwhy: Permission denied\n")


def test_the_job_counts_is_healthy_whatever_its_entrypoint_and_ends_well(image: str, tmp_path: Path) -> None:
    with local_broker.running(tmp_path, print) as address:
        with_broker = ("--network", "host", "--read-only", "--cap-drop", "ALL", "--env", f"BOOTSTRAP_SERVERS={address}")
        assert "fed generated frames: 60,000" in docker(
            "run", "--rm", *with_broker, image, "prepare-topics", "--or-generate"
        )
        port = ("--env", f"METRICS_PORT={free_port()}")
        absolute = ("--entrypoint", "/app/.venv/bin/python", image, "/app/app.py")
        with container(*with_broker, *port, *absolute) as name:
            wait_until_healthy(name)
            wait_until_counted(name, 60_000)
            docker("kill", "--signal", "STOP", name)
            frozen = docker("exec", name, "python", "-m", "metrics.monitoring.container", exit_code=1)
            assert frozen.startswith("unhealthy: 127.0.0.1:")
            docker("kill", "--signal", "CONT", name)
            docker("stop", name)
            assert docker("inspect", "--format", "{{.State.ExitCode}}", name) == "0\n"
            assert "stopped after 60,000 frames" in docker("logs", name)
