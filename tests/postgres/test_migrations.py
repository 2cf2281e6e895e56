"""Numbered SQL files, against a real database."""

from contextlib import closing
from pathlib import Path

from metrics.postgres.connect import connect
from metrics.postgres.migrations import migrate, migrations_in

FIRST = "CREATE TABLE seen (word text); INSERT INTO seen VALUES ('first')"
SECOND = "INSERT INTO seen VALUES ('second')"


def test_each_file_is_applied_once_in_the_order_of_numbers(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "001_first.sql").write_text(FIRST)
    with closing(connect(database_url)) as connection:
        assert [applied.name for applied in migrate(connection, migrations_in(tmp_path), "applied")] == [
            "001_first.sql"
        ]
        (tmp_path / "002_second.sql").write_text(SECOND)
        assert [applied.name for applied in migrate(connection, migrations_in(tmp_path), "applied")] == [
            "002_second.sql"
        ]
        assert migrate(connection, migrations_in(tmp_path), "applied") == []
        assert connection.execute("SELECT word FROM seen").fetchall() == [("first",), ("second",)]
        rows = connection.execute("SELECT number, name FROM applied ORDER BY number").fetchall()
        assert rows == [(1, "001_first.sql"), (2, "002_second.sql")]
