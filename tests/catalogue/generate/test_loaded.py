"""The generated files, loaded and asked by the program itself, against the answers beside them."""

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from metrics.catalogue.generate import files
from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, ReviewRow, StreamRow, UserRow
from metrics.postgres.connect import connect
from tests.catalogue.generate import slow_load
from tests.test_app import PROJECT

COLUMNS = {
    "movie": MovieRow._fields,
    "user": UserRow._fields,
    "stream": StreamRow._fields,
    "author": AuthorRow._fields,
    "book": BookRow._fields,
    "review": ReviewRow._fields,
}


def printed(*arguments: str | Path, database_url: str) -> str:
    """Return what a command prints."""
    command = [sys.executable, PROJECT / "app.py", "catalogue", *arguments]
    environment = os.environ | {"DATABASE_URL": database_url}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout


@pytest.mark.timeout(600)
def test_six_loads_report_and_six_questions_answer_what_was_generated(database_url: str, tmp_path: Path) -> None:
    files.write(tmp_path, scale=2, seed=7, move=lambda _: None)
    answers = json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))
    assert printed("init-db", database_url=database_url).startswith("applied 001_tables.sql\n")

    for model, expected in answers["loads"].items():
        path = tmp_path / expected.pop("file")
        load = json.loads(printed("load", "--model", model, "--config", path, "--json", database_url=database_url))
        load["remarks"] = {remark["rule"]: remark["number"] for remark in load["remarks"]}
        assert {name: load[name] for name in expected} == expected
        with closing(connect(database_url)) as connection:
            names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS[model]))
            rows = connection.execute(sql.SQL("SELECT {} FROM {}").format(names, sql.Identifier(model))).fetchall()
        table, _, _ = slow_load.load(path, model)
        assert sorted(rows, key=repr) == sorted(map(utc, table), key=repr)

    for name, question in answers["questions"].items():
        given = [part for parameter in question["parameters"].items() for part in ("-p", "=".join(parameter))]
        assert json.loads(printed("query", name, *given, "--json", database_url=database_url)) == question["result"]


def utc(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as the database gives it: its times in UTC."""
    return tuple(part.astimezone(UTC) if isinstance(part, datetime) else part for part in row)
