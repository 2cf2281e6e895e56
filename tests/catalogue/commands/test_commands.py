"""The commands as a user runs them: what they print, and how they end."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MOVIES = "title,duration_mins,original_language,size_mb\nAlien,117,English,900\nRush,123,English,800\n"
WRONG = "Jaws,0,English,1\n"


def run(database_url: str, *arguments: str | Path, exit_code: int = 0, given: str = "") -> tuple[str, str]:
    """Run a command of the catalogue; return what it printed on standard output and on standard error."""
    ended = subprocess.run(
        [sys.executable, "app.py", "catalogue", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == exit_code, ended
    return ended.stdout, ended.stderr


@pytest.fixture
def movies(tmp_path: Path) -> Path:
    """Give a file of two movies."""
    path = tmp_path / "movies.csv"
    path.write_text(MOVIES)
    return path


def test_tables_are_created_once_and_other_commands_say_how(database_url: str, movies: Path) -> None:
    _, printed = run(database_url, "load", "--model", "movie", "--config", movies, exit_code=10)
    assert printed.startswith("error: the database has no tables yet\n")
    assert "hint: create them: python app.py catalogue init-db" in printed
    assert run(database_url, "init-db") == ("applied 001_tables.sql\n", "")
    assert run(database_url, "init-db") == ("the tables are up to date\n", "")


def test_a_load_prints_each_record_once_and_what_to_do_about_the_rejected_ones(database_url: str, movies: Path) -> None:
    run(database_url, "init-db")
    movies.write_text(MOVIES + WRONG)
    command = ("load", "--model", "movie", "--config", movies)
    _, printed = run(database_url, *command, "--strict", exit_code=11)
    assert printed.startswith("error: 1 of 3 records is wrong, so nothing was loaded\nwhy: the limit is 0\n")
    printed, _ = run(database_url, *command, "--max-rejected", "1")
    first, second, *rest = printed.splitlines()
    assert first == f"movie: load 2 of {movies} is done"
    assert second.startswith("3 records in ")
    assert rest == [
        "read 3 = 2 inserted + 0 updated + 0 unchanged + 0 repeated + 1 rejected",
        "rejected 1 record: field 1; see them: python app.py catalogue rejected --load 2",
        'rejected: line 4: duration_mins must be a whole number, 1 to 2147483647, not "0"',
    ]
    printed, _ = run(database_url, *command)
    assert printed == "movie: nothing to do, load 2 was of the same bytes (--again loads them again)\n"
    printed, _ = run(database_url, *command, "--again", "--dry-run", "--json", "--max-rejected", "40%")
    loaded = json.loads(printed)
    assert (loaded["read"], loaded["unchanged"], loaded["rejected_by_reason"]) == (3, 2, {"field": 1})
    assert (loaded["state"], loaded["is_dry_run"], loaded["same_as"]) == ("done", True, None)


def test_rejected_records_are_shown_as_text_json_and_csv(database_url: str, movies: Path) -> None:
    run(database_url, "init-db")
    assert run(database_url, "rejected") == ("no rejected records\n", "")
    movies.write_text(MOVIES + WRONG)
    run(database_url, "load", "--model", "movie", "--config", movies, "--max-rejected", "50%")
    detail = 'duration_mins must be a whole number, 1 to 2147483647, not "0"'
    printed, _ = run(database_url, "rejected", "--load", "1")
    assert printed == f"load 1, movie, line 4: {detail}\n  Jaws,0,English,1\n"
    record = {"id": 1, "load_id": 1, "model": "movie", "position": "line 4", "reason": "field"}
    record |= {"detail": detail, "record": "Jaws,0,English,1"}
    printed, _ = run(database_url, "rejected", "--model", "movie", "--json")
    assert [json.loads(line) for line in printed.splitlines()] == [record]
    printed, _ = run(database_url, "rejected", "--csv")
    assert list(csv.DictReader(io.StringIO(printed))) == [{name: str(value) for name, value in record.items()}]
    assert run(database_url, "rejected", "--model", "user") == ("no rejected records\n", "")
    run(database_url, "load", "--model", "movie", "--rejected-of", "1", "--max-rejected", "100%")
    assert run(database_url, "rejected", "--load", "1")[0] == "load 1 has no rejected records left to try again\n"
    assert run(database_url, "rejected", "--load", "2")[0] == f"load 2, movie, record 1: {detail}\n  Jaws,0,English,1\n"


def test_loads_are_listed_the_newest_first(database_url: str, movies: Path) -> None:
    run(database_url, "init-db")
    assert run(database_url, "loads") == ("no loads yet\n", "")
    run(database_url, "load", "--model", "movie", "--config", movies)
    run(database_url, "load", "--model", "movie", "--config", "-", given=MOVIES[:-4] + "801\n")
    printed, _ = run(database_url, "loads")
    header, second, first = printed.splitlines()
    assert header.split()[:4] == ["load", "started", "(UTC)", "model"]
    assert second.split()[2:] == ["movie", "done", "2", "0", "1", "1", "0", "0", "0", "0", "standard", "input"]
    assert first.split()[2:] == ["movie", "done", "2", "2", "0", "0", "0", "0", "0", "0", str(movies)]
    printed, _ = run(database_url, "loads", "--json", "--model", "movie", "--limit", "1")
    assert json.loads(printed)["id"] == 2


def test_the_errors_of_loads_that_failed_are_below_the_list(database_url: str, movies: Path) -> None:
    run(database_url, "init-db")
    run(database_url, "load", "--model", "movie", "--config", movies, "--strict")
    run(database_url, "load", "--model", "movie", "--config", "-", "--strict", given=MOVIES + WRONG, exit_code=11)
    printed, _ = run(database_url, "loads")
    _, failed, done, error = printed.splitlines()
    assert (failed.split()[3], done.split()[3]) == ("failed", "done")
    assert error == "load 2: 1 of 3 records is wrong, so nothing was loaded"
    printed, _ = run(database_url, "loads", "--json", "--limit", "1")
    assert json.loads(printed)["error"].splitlines()[1] == "why: the limit is 0"


def test_check_finds_orphans_and_ends_with_1(database_url: str, tmp_path: Path) -> None:
    run(database_url, "init-db")
    assert run(database_url, "check") == ("found no orphans and no implausible records\n", "")
    books = tmp_path / "books.json"
    books.write_text('[{"name": "Emma", "pages": 474, "author": "Jane Austen", "publisher": "John Murray"}]')
    run(database_url, "load", "--model", "book", "--config", books)
    printed, error = run(database_url, "check", exit_code=1)
    assert printed == "books by an unknown author: Emma, by Jane Austen\n"
    assert error == "error: found 1 orphan or implausible record\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--model", "movie"], "either --config or --rejected-of is needed"),
        (["--model", "movie", "--config", "a", "--rejected-of", "1"], "either --config or --rejected-of is"),
        (["--model", "movie", "--config", "a", "--strict", "--max-rejected", "1"], "--strict and --max-rejected"),
        (["--model", "movie", "--config", "a", "--max-rejected", "101%"], "invalid --max-rejected '101%'"),
        (["--model", "movie", "--config", "a", "--snapshot", "--max-gone", "-1"], "invalid --max-gone '-1'"),
        (["--model", "movie", "--config", "a", "--time-zone", "Berlin"], "the time zone Berlin is unknown"),
        (["--model", "movie", "--rejected-of", "7"], "there is no load 7"),
    ],
)
def test_wrong_options_end_with_2_and_say_what_to_give(database_url: str, arguments: list[str], what: str) -> None:
    run(database_url, "init-db")
    _, printed = run(database_url, "load", *arguments, exit_code=2)
    assert printed.startswith(f"error: {what}")
    assert "\nhint: " in printed


def test_a_missing_file_ends_with_3_and_a_database_that_is_away_with_10(database_url: str, movies: Path) -> None:
    run(database_url, "init-db")
    _, printed = run(database_url, "load", "--model", "movie", "--config", "/no/movies.csv", exit_code=3)
    assert printed.startswith("error: /no/movies.csv cannot be read\n")
    away = "postgresql://metrics:secret@127.0.0.1:1/x"
    _, printed = run(away, "load", "--model", "movie", "--config", movies, exit_code=10)
    assert printed.startswith("error: the database cannot be reached\n")
    assert "secret" not in printed


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--rejected-of", "1", "--snapshot"], "--rejected-of cannot be combined with"),
        (["--rejected-of", "1", "--again"], "--rejected-of cannot be combined with"),
        (["--rejected-of", "1", "--collector", "s3"], "--rejected-of cannot be combined with"),
        (["--config", "a", "--max-gone", "5"], "--max-gone needs --snapshot"),
        (["--config", "kafka://joe:s3cret@host/topic"], "--config is not the name of a topic"),
        (["--config", "ftp:/joe:s3cret@host/x.csv"], "--config looks like a URL without its ://"),
        (["--config", "http//joe:s3cret@host/x.csv"], "--config looks like a URL without its ://"),
    ],
)
def test_options_that_contradict_each_other_are_refused_without_a_password_in_the_text(
    database_url: str, arguments: list[str], what: str
) -> None:
    printed = "".join(run(database_url, "load", "--model", "movie", *arguments, exit_code=2))
    assert printed.startswith(f"error: {what}")
    assert "s3cret" not in printed
