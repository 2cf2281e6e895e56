"""A real PostgreSQL on this machine, from the wheel."""

from contextlib import closing
from pathlib import Path

import pytest

from metrics.postgres import local_server
from metrics.postgres.connect import connect

pytestmark = pytest.mark.database


def test_the_first_command_starts_it_and_the_last_one_stops_it_and_its_data_stay(tmp_path: Path) -> None:
    said: list[str] = []
    with local_server.shared(tmp_path, said.append) as first, local_server.shared(tmp_path, said.append) as second:
        assert first == second
        with closing(connect(second)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
    assert len(said) == 1
    assert not local_server.is_running(tmp_path)
    with local_server.shared(tmp_path, said.append) as url, closing(connect(url)) as connection:
        assert connection.execute("TABLE kept").fetchall() == [(1,)]
