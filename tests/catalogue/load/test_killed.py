"""Loads that are killed, interrupted, or run at the same time."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load import loads
from metrics.postgres.connect import connect
from tests.catalogue.load.catalogue import Catalogue

ROOT = Path(__file__).parents[3]


def started(catalogue: Catalogue, model: str, path: Path | str, *options: str) -> subprocess.Popen[bytes]:
    """Start a load as a process of its own."""
    command = [sys.executable, "app.py", "catalogue", "load", "--model", model, "--config", str(path), *options]
    environment = os.environ | {"DATABASE_URL": catalogue.url}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def users(catalogue: Catalogue, number: int) -> Path:
    records = [{"email": f"u{each}@example.com", "first_name": "A", "last_name": "B"} for each in range(number)]
    return catalogue.file("user", records)


def states(catalogue: Catalogue) -> list[str]:
    return [load.state for load in loads.read_loads(catalogue.connection)]


def wait_until_running(catalogue: Catalogue) -> None:
    deadline = time.monotonic() + 60
    while "running" not in states(catalogue):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_until_gone(catalogue: Catalogue) -> None:
    """Wait until the server has noticed that a client is gone."""
    deadline = time.monotonic() + 60
    while "running" in states(catalogue):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def killed(catalogue: Catalogue, process: subprocess.Popen[bytes]) -> str:
    """Kill a load, and return its state once the server has noticed."""
    process.kill()
    process.communicate()
    wait_until_gone(catalogue)
    [state] = states(catalogue)
    return state


def expect_whole_reload(catalogue: Catalogue, path: Path, state: str) -> None:
    """See that all records can be loaded after a load that was killed, and that its state is stored then."""
    assert catalogue.load("user", path).load.read == 60_000
    assert len(catalogue.rows("user")) == 60_000
    assert catalogue.query("SELECT state FROM catalogue_load ORDER BY id")[0] == (state,)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.0])
def test_a_load_that_is_killed_before_its_input_ends_leaves_nothing(catalogue: Catalogue, share: float) -> None:
    path = users(catalogue, 60_000)
    content = path.read_bytes()
    process = started(catalogue, "user", "-")
    assert process.stdin is not None
    process.stdin.write(content[: int(len(content) * share)])  # what does not fit into the pipe, 64 KiB, was read
    process.stdin.flush()
    wait_until_running(catalogue)
    assert killed(catalogue, process) == "interrupted"
    assert catalogue.rows("user") == []
    expect_whole_reload(catalogue, path, "interrupted")


def test_a_load_that_is_killed_before_it_merges_leaves_nothing(catalogue: Catalogue) -> None:
    path = users(catalogue, 60_000)
    with closing(connect(catalogue.url)) as other, other.transaction():
        other.execute('LOCK TABLE "user" IN SHARE ROW EXCLUSIVE MODE')
        process = started(catalogue, "user", path)
        assert process.stderr is not None
        assert b"another program is changing the table user" in process.stderr.readline()
        process.kill()
        process.communicate()
    wait_until_gone(catalogue)
    assert (states(catalogue), catalogue.rows("user")) == (["interrupted"], [])
    expect_whole_reload(catalogue, path, "interrupted")


@pytest.mark.parametrize("seed", range(5))
def test_a_load_that_is_killed_at_any_moment_leaves_all_or_nothing(catalogue: Catalogue, seed: int) -> None:
    path = users(catalogue, 60_000)
    process = started(catalogue, "user", path)
    wait_until_running(catalogue)
    time.sleep(random.Random(seed).uniform(0, 1.0))
    state = killed(catalogue, process)
    assert state in ("done", "interrupted")
    assert len(catalogue.rows("user")) == (60_000 if state == "done" else 0)
    expect_whole_reload(catalogue, path, state)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_load_that_is_stopped_leaves_nothing_and_is_interrupted(
    catalogue: Catalogue, number: signal.Signals, exit_code: int
) -> None:
    process = started(catalogue, "user", "-")
    assert process.stdin is not None
    process.stdin.write(b"email,first_name,last_name\n" + b"ann@x,A,B\n" * 10_000)
    process.stdin.flush()
    wait_until_running(catalogue)
    process.send_signal(number)
    _, printed = process.communicate()
    assert process.returncode == exit_code, printed
    assert printed == b"warning: stopped by Ctrl-C\n" if number == signal.SIGINT else printed == b""
    wait_until_gone(catalogue)
    assert states(catalogue) == ["interrupted"]
    assert catalogue.rows("user") == []


@pytest.mark.parametrize(
    "stops", [3, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(3600)])], ids="{} times".format
)
def test_a_load_that_is_stopped_at_any_moment_loads_all_or_nothing_and_says_nothing_else(
    catalogue: Catalogue, stops: int
) -> None:
    path = users(catalogue, 60_000)
    with path.open("a") as file:
        file.write("A,B,\n" * 600)  # rejected
    began_s = time.monotonic()
    output, errors = started(catalogue, "user", path).communicate()
    assert (b"done" in output, errors) == (True, b"")
    whole_s, moment = time.monotonic() - began_s, random.Random(stops)
    for _ in range(stops):
        catalogue.connection.execute('TRUNCATE "user", catalogue_load, catalogue_rejected')
        number = moment.choice([signal.SIGINT, signal.SIGTERM])
        process = started(catalogue, "user", path)
        time.sleep(moment.uniform(whole_s / 5, whole_s))
        process.send_signal(number)
        _, errors = process.communicate()
        wait_until_gone(catalogue)
        is_done = states(catalogue) == ["done"]
        assert len(catalogue.rows("user")) == (60_000 if is_done else 0)
        assert catalogue.query("SELECT count(*) FROM catalogue_rejected") == [(600 if is_done else 0,)]
        # Python's last steps have no handlers: there, the signal itself ends it, which a shell shows as the same code.
        assert process.returncode in ({0, -number, 128 + number} if is_done else {128 + number}), errors
        assert errors in ({b"", b"warning: stopped by Ctrl-C\n"} if number == signal.SIGINT else {b""})


def test_two_loads_of_a_model_wait_for_each_other_and_say_so(catalogue: Catalogue) -> None:
    path = users(catalogue, 10)
    with closing(connect(catalogue.url)) as other, loads.lock_model(other, MODELS["user"], print):
        process = started(catalogue, "user", path)
        assert process.stderr is not None
        assert b"another load of user is running; waiting for its end" in process.stderr.readline()
        assert states(catalogue) == []
    printed, _ = process.communicate()
    assert process.returncode == 0
    assert b"read 10 = 10 inserted" in printed


def test_loads_of_different_models_do_not_wait_for_each_other(catalogue: Catalogue) -> None:
    with closing(connect(catalogue.url)) as other, loads.lock_model(other, MODELS["movie"], print):
        process = started(catalogue, "user", users(catalogue, 10))
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_loads_of_one_model_at_the_same_time_leave_the_rows_of_one_after_the_other(catalogue: Catalogue) -> None:
    files = [
        catalogue.file(
            "user",
            [{"email": f"u{each}", "first_name": str(number), "last_name": ""} for each in range(2_000)],
            f"{number}.csv",
        )
        for number in range(4)
    ]
    processes = [started(catalogue, "user", path) for path in files]
    waiting = [Thread(target=process.communicate) for process in processes]
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join()
    assert [process.returncode for process in processes] == [0] * 4
    [last] = loads.read_loads(catalogue.connection, limit=1)
    names = {first_name for _, first_name, _ in catalogue.rows("user")}
    assert names == {Path(last.source).stem}
    assert len(catalogue.query("SELECT FROM catalogue_history")) == 6_000


def test_a_load_whose_session_the_server_ends_is_reported_and_leaves_nothing(catalogue: Catalogue) -> None:
    process = started(catalogue, "user", "-")
    assert process.stdin is not None
    process.stdin.write(b"email,first_name,last_name\n" + b"ann@x,A,B\n" * 10_000)
    process.stdin.flush()
    wait_until_running(catalogue)
    ended = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    assert catalogue.query(ended)[0][0] >= 1
    _, printed = process.communicate(b"bob@x,A,B\n" * 200_000)
    assert process.returncode == 10, printed
    assert states(catalogue) == ["interrupted"]
    assert catalogue.rows("user") == []


def test_a_load_says_that_it_waits_for_a_program_that_is_changing_the_table(catalogue: Catalogue) -> None:
    path = users(catalogue, 10)
    catalogue.load("user", path)
    with closing(connect(catalogue.url)) as other, other.transaction(force_rollback=True):
        other.execute("UPDATE \"user\" SET first_name = 'C'")
        process = started(catalogue, "user", path, "--again")
        assert process.stderr is not None
        assert b"another program is changing the table user; waiting" in process.stderr.readline()
    printed, _ = process.communicate()
    assert process.returncode == 0
    assert b"10 unchanged" in printed
