"""`catalogue query` on the command line."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from pyarrow.parquet import read_table

from metrics.catalogue.commands import query as query_command
from metrics.catalogue.generate.reference import MovieRow, StreamRow
from metrics.catalogue.query.shipped import shipped_queries
from metrics.postgres.connect import connect
from tests.catalogue.query.tables import Connection, fill
from tests.catalogue.query.test_questions import NOON, movie, session
from tests.kafka.application import wait_until
from tests.terminal.shown import on_a_terminal
from tests.test_app import PROJECT, refused, run

NO_DATABASE = {"DATABASE_URL": "postgresql://127.0.0.1:1/none"}


@pytest.fixture
def filled(connection: Connection, database_url: str) -> str:
    """Give the URL of a database with two sessions of Rain at noon."""
    fill(connection, {MovieRow: [movie("Rain")], StreamRow: [session(0, 90), session(1, 2, "z@b.c")]})
    return database_url


def query(url: str, *arguments: str | Path, stdin: str = "") -> str:
    """Return what the command prints."""
    finished = run("catalogue", "query", *arguments, stdin=stdin, DATABASE_URL=url)
    assert (finished.returncode, finished.stderr) == (0, "")
    return finished.stdout


def test_a_shipped_query_is_answered_with_its_defaults_and_other_values(filled: str) -> None:
    assert query(filled, "mean-session-seconds") == '{"mean_session_s":2730.000}\n'
    assert query(filled, "outage-users") == '{"users":0}\n'
    around = ["-p", f"from={NOON.isoformat()}", "-p", "to=2022-01-01", "-p", "movie=RAIN"]
    assert query(filled, "outage-users", *around) == '{"users":2}\n'
    assert query(filled, "outage-users", *around, "--csv") == "users\n2\n"


def test_a_file_or_standard_input_is_run(filled: str, tmp_path: Path) -> None:
    sql = "\ufeffSELECT user_email AS email, start_at AS at FROM stream WHERE user_email = :email;\n"
    (tmp_path / "mine.sql").write_text(sql, encoding="utf-8")
    expected = '{"email":"a@b.c","at":"2021-12-25T17:30:00+05:30"}\n'
    given = ("-p", "email=a@b.c", "--time-zone", "Asia/Kolkata")
    assert query(filled, "-f", tmp_path / "mine.sql", *given) == expected
    assert query(filled, "-f", "-", *given, "--json", stdin=sql) == expected


def test_a_table_in_a_pipe_is_aligned_and_never_cut(filled: str) -> None:
    sql = "SELECT repeat('x', 300 - g / 10) AS t, g AS n FROM generate_series(1, 1001) g"
    lines = query(filled, "-f", "-", "--table", stdin=sql).splitlines()
    assert (lines[0], lines[1], lines[-1]) == (
        f"t{' ' * 304}n",
        f"{'x' * 300}     1",
        f"{'x' * 200}{' ' * 100}  1001",
    )
    assert len(lines) == 1_002


def test_an_answer_becomes_a_parquet_file(filled: str, tmp_path: Path) -> None:
    sql = "SELECT user_email, size_mb FROM stream ORDER BY 1"
    printed = query(filled, "-f", "-", "--parquet", tmp_path / "x.parquet", stdin=sql)
    assert printed == f"wrote {tmp_path}/x.parquet: 2 rows\n"
    assert read_table(tmp_path / "x.parquet").to_pylist() == [
        {"user_email": "a@b.c", "size_mb": 1.0},
        {"user_email": "z@b.c", "size_mb": 1.0},
    ]


def test_suspicious_sql_runs_with_warnings_on_standard_error(filled: str) -> None:
    sql = "SELECT count(*) AS n, '2021-12-25T07:00+0100'::timestamp AS at\nFROM user"
    finished = run("catalogue", "query", "-f", "-", stdin=sql, DATABASE_URL=filled)
    assert finished.returncode == 0
    assert finished.stdout == '{"n":1,"at":"2021-12-25T07:00:00"}\n'
    assert finished.stderr.splitlines() == [
        "warning: line 1: timestamp drops the offset of '2021-12-25T07:00+0100': use timestamptz",
        'warning: line 2: user is the name of the session\'s user: for the table, write "user"',
    ]


def test_shipped_queries_are_listed_with_parameters_and_shown_as_sql() -> None:
    text = run("catalogue", "query", "--list", **NO_DATABASE).stdout
    for item in shipped_queries().values():
        assert f"{item.name}\n  {item.question}\n" in text
        assert all(f"-p {at.name}={at.default} " in text and at.meaning in text for at in item.parameters)
    printed = run("catalogue", "query", "--list", "--json", **NO_DATABASE).stdout
    assert [json.loads(line)["name"] for line in printed.splitlines()] == [*shipped_queries()]
    printed = run("catalogue", "query", "outage-users", "--show", **NO_DATABASE).stdout
    assert printed == shipped_queries()["outage-users"].sql


def test_on_a_narrow_terminal_no_parameter_of_the_list_is_broken() -> None:
    printed = on_a_terminal(lambda: query_command.query(is_list=True), 60)
    blocks = {block.partition("\n")[0]: block.rstrip().splitlines() for block in printed.split("\n\n")}
    assert [*blocks] == [*shipped_queries()]
    assert blocks["movies-by-nationality"] == [
        "movies-by-nationality",
        "  How many movies that were streamed in a month are based on",
        "  a book by an author of a nationality?",
        "  -p nationality=singaporeans  nationality of the author, as",
        "                               the vendor writes it",
        "  -p month=2021-12             year and month",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            [],
            "there is no query to run\nhint: name one of those that python app.py catalogue query --list shows",
        ),
        (["outage-users", "-f", "x"], "NAME and -f contradict each other"),
        (["outage-users", "--list"], "NAME and --list contradict each other"),
        (["--list", "--csv"], "--list and --csv contradict each other"),
        (["--list", "--table"], "--list and --table contradict each other"),
        (["outage-users", "--table", "--json"], "--table and --json contradict each other"),
        (["-f", "x", "--show"], "--show and -f contradict each other"),
        (["outage-users", "--json", "--parquet=x"], "--json and --parquet contradict each other"),
        (["outage-user"], "there is no query outage-user\nhint: did you mean outage-users?"),
        (["outage-users", "-p", "film=Rain"], "wrong parameters: film is not in the query"),
        (["outage-users", "-p", "movie"], "1 parameter without a name or a value: movie"),
        (["outage-users", "--timeout-s=-1"], "greater than or equal to 0"),
    ],
)
def test_wrong_arguments_are_refused_before_a_database_is_asked(arguments: list[str], said: str) -> None:
    assert said in refused(2, "catalogue", "query", *arguments, **NO_DATABASE)


def test_a_file_that_cannot_be_read_is_an_error_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("SELECT 'é'".encode("latin-1"))
    for path, said in ((tmp_path / "latin", "is not text in UTF-8"), (tmp_path, "Is a directory")):
        assert said in refused(3, "catalogue", "query", "-f", path, **NO_DATABASE)
    said = refused(3, "catalogue", "query", "-f", tmp_path / "none", **NO_DATABASE)
    assert said.splitlines()[1:] == ["why: No such file or directory", "hint: name a file with one SELECT"]


def test_without_tables_only_shipped_queries_ask_for_them(database_url: str) -> None:
    said = refused(10, "catalogue", "query", "median-size-gb", DATABASE_URL=database_url)
    assert "the database has no tables yet" in said
    assert "hint: create them: python app.py catalogue init-db" in said
    assert query(database_url, "-f", "-", stdin="SELECT 1 AS a") == '{"a":1}\n'


def test_errors_of_the_database_and_of_the_session_have_their_exit_codes(database_url: str) -> None:
    def asked(exit_code: int, sql: str, *options: str) -> str:
        finished = run("catalogue", "query", "-f", "-", *options, stdin=sql, DATABASE_URL=database_url)
        assert finished.returncode == exit_code
        return finished.stderr

    assert "INSERT is not a query" in asked(2, "INSERT INTO movie VALUES (1)")
    assert "more than one statement" in asked(2, "SELECT 1; SELECT 2")
    assert "hint: allow more time: --timeout-s 3 (it is 0.3)" in asked(10, "SELECT pg_sleep(60)", "--timeout-s=0.3")
    assert "the time zone Mars is unknown" in asked(2, "SELECT 1", "--time-zone=Mars")
    assert "wrong parameters: a is not given" in asked(2, "SELECT :a")
    assert "cannot be reached" in refused(10, "catalogue", "query", "median-size-gb", **NO_DATABASE)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_the_query_on_the_server(database_url: str, number: int, exit_code: int) -> None:
    command = [sys.executable, "app.py", "catalogue", "query", "-f", "-"]
    with closing(connect(database_url)) as watching:

        def is_running() -> bool:
            asked = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
            )
            return watching.execute(asked).fetchone() == (1,)

        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"DATABASE_URL": database_url},
        )
        assert process.stdin is not None
        process.stdin.write(b"SELECT pg_sleep(600)")
        process.stdin.close()
        process.stdin = None
        wait_until(is_running, "the server runs the query")
        process.send_signal(number)
        said = process.communicate(timeout=60)[1].decode()
        assert process.returncode == exit_code
        assert "Traceback" not in said
        wait_until(lambda: not is_running(), "the server has cancelled the query")


def test_a_reader_that_goes_away_ends_the_query(database_url: str) -> None:
    script = f"{sys.executable} app.py catalogue query -f - --csv | head -2; echo ${{PIPESTATUS[0]}}"
    finished = subprocess.run(
        ["bash", "-c", script],
        cwd=PROJECT,
        input="SELECT generate_series(1, 1000000000) AS a",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"DATABASE_URL": database_url},
    )
    assert (finished.stdout, finished.stderr) == ("a\n1\n141\n", "")


def test_memory_does_not_grow_with_the_number_of_rows(database_url: str) -> None:
    script = (
        "import resource, sys, metrics.application.command_line as application\n"
        "try: application.run()\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )

    def peak_kb(rows: int, form: str) -> int:
        finished = subprocess.run(
            [sys.executable, "-c", script, "catalogue", "query", "-f", "-", form],
            cwd=PROJECT,
            input=f"SELECT generate_series(1, {rows}) AS g, repeat('x', 100) AS t",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=True,
            env=os.environ | {"DATABASE_URL": database_url},
        )
        return int(finished.stderr.splitlines()[-1])

    for form in ("--csv", "--json"):
        assert peak_kb(300_000, form) < peak_kb(10_000, form) + 5_000  # all of these rows take 30 MB and more
