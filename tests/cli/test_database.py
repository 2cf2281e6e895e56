"""`database`, and the database that a command uses."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from metrics.cli.use_database import use_database
from metrics.postgres import local_server
from metrics.postgres.settings import PostgresSettings
from metrics.wording.errors import SettingsError
from tests.postgres.local_server.using import PROJECT, TIMEOUT_S, User, is_alive, processes

pytestmark = pytest.mark.database


class Database:
    """The command `database` in the foreground, with a database in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, PROJECT / "app.py", "database"],
            env=os.environ | {"LOCAL_DATABASE_DIR": str(folder), "DATABASE_URL": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        self.said = []
        for line in self.process.stdout:
            self.said.append(line)
            if "psql" in line:
                break
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> tuple[int, str, str]:
        output, errors = self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode, output, errors


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "it's here") as database:
        yield database


def test_its_lines_are_commands_that_work_in_another_terminal(database: Database) -> None:
    found = re.fullmatch(
        r"local database: PostgreSQL 18\.\d+, ready in .*\n"
        r"to use it: (DATABASE_URL='\S+' python app\.py) …\n"
        r"with psql: (psql '\S+')\n",
        "".join(line for line in database.said if "waiting" not in line),
    )
    assert found is not None, database.said
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for _ in range(2):
        done = subprocess.run(
            f"{found[1]} catalogue init-db",
            shell=True,
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == "the tables are up to date\n"

    psql = local_server.server._program().folder / "psql"
    asked = f"{found[2].replace('psql', str(psql), 1)} -Atc 'SELECT count(*) FROM catalogue_migration'"
    assert int(subprocess.run(asked, shell=True, capture_output=True, text=True, check=True).stdout) >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_without_an_error(database: Database, number: signal.Signals) -> None:
    database.process.send_signal(number)
    assert database.end() == (0, "local database: stopped\n", "")
    assert not local_server.is_running(database.folder)


def test_it_leaves_the_server_to_another_command_that_uses_it(database: Database) -> None:
    with User(database.folder) as user:
        _, postgres = processes(database.folder)
        database.process.send_signal(signal.SIGINT)
        assert database.end() == (0, "local database: another command uses it, and stops it at its end\n", "")
        assert is_alive(postgres)
        user.output()
        assert not is_alive(postgres)


def test_a_server_that_ends_by_itself_is_an_error_with_the_cause(database: Database) -> None:
    processes(database.folder)[1].kill()
    exit_code, output, errors = database.end()
    assert (exit_code, output) == (6, "")
    assert errors.startswith("error: the local database has ended\nwhy: ")
    assert "ended by the signal SIGKILL" in errors


def test_a_database_that_is_set_is_used_and_no_server_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_DATABASE_DIR", str(tmp_path / "unused"))
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg2://loader:s3cret@warehouse/catalogue")
    said: list[str] = []
    with use_database(PostgresSettings, said.append) as url:
        assert url == "postgresql+psycopg2://loader:s3cret@warehouse/catalogue"
        assert "s3cret" not in repr(url)
    assert said == []
    assert not (tmp_path / "unused").exists()


def test_an_address_that_is_not_of_postgresql_is_a_settings_error_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://loader:s3cret@warehouse/catalogue")
    with pytest.raises(SettingsError) as refused, use_database(PostgresSettings):
        pass
    assert "DATABASE_URL=***: must be postgresql://user:password@host:port/database" in refused.value.why
    assert "s3cret" not in str(refused.value)


def test_without_one_the_local_database_is_started_for_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_DATABASE_DIR", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    said: list[str] = []
    with use_database(PostgresSettings, said.append) as url:
        assert url.startswith("postgresql://metrics@/metrics?host=")
        assert local_server.is_running(tmp_path)
    assert "ready in" in said[-1]
    assert not local_server.is_running(tmp_path)
