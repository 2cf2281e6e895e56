"""`--env-file`: settings from files, which the environment overrides."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from metrics.application.command_line import app

PROJECT = Path(__file__).resolve().parents[2]
PRINTING = """
import json, os, sys
from pathlib import Path
from metrics.cli.env_file import read_env_files
before = {**os.environ}
read_env_files([Path(name) for name in sys.argv[1:]])
print(json.dumps({name: text for name, text in os.environ.items() if before.get(name) != text}))
"""


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the application without settings but these."""
    clean = {name: text for name, text in os.environ.items() if name in ("HOME", "PATH", "LANG")}
    return subprocess.run(
        [sys.executable, PROJECT / "app.py", *arguments],
        env=clean | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def variables_of(*files: Path, **variables: str) -> Any:
    """Return the variables that files add to an environment."""
    command: list[str | Path] = [sys.executable, "-c", PRINTING, *files]
    ran = subprocess.run(command, env=os.environ | variables, cwd=PROJECT, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def lateness(*arguments: str | Path, **variables: str) -> str:
    """Return what the error about LATENESS_S says it is."""
    ran = run(*arguments, **variables)
    assert ran.returncode == 2, ran
    return ran.stderr.partition("LATENESS_S='")[2].partition("'")[0]


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the application, and every command and group of it, by its full name."""
    yield name, command
    context = command.context_class(command)
    for part in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from commands(command.get_command(context, part), f"{name} {part}".strip())


def test_every_command_has_the_option() -> None:
    found = {
        name: {option for param in command.get_params(command.context_class(command)) for option in param.opts}
        for name, command in commands(typer.main.get_command(app))
    }
    assert {"", "results", "views count", "catalogue load", "harvest report", "topics delete"} <= found.keys()
    assert [name for name, options in found.items() if "--env-file" not in options] == []


def test_the_lines_are_those_of_compose_and_of_shells(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(
        "\ufeff# a comment\r\n\r\nA=1\r\nexport B=two words # comment\n"
        'C=\'x $y # "z"\'\nD = "a\\nb \'c\'"\nE=a#b\nF=\nG=p$a${b}ss\nH="two\nlines"\n',
        encoding="utf-8",
        newline="",
    )
    assert variables_of(file) == {
        "A": "1",
        "B": "two words",
        "C": 'x $y # "z"',
        "D": "a\nb 'c'",
        "E": "a#b",
        "F": "",
        "G": "p$a${b}ss",
        "H": "two\nlines",
    }


def test_the_environment_overrides_every_file_and_a_later_file_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("OWN=first\nBOTH=first\nONE=first\nEMPTY=first\n")
    second.write_text("OWN=second\nBOTH=second\n")
    assert variables_of(first, second, OWN="own", EMPTY="") == {"BOTH": "second", "ONE": "first"}


def test_the_option_may_be_before_and_after_the_name_of_a_command(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("LATENESS_S=first")
    second.write_text("LATENESS_S=second")
    assert lateness("--env-file", first) == "first"
    assert lateness("--env-file", first, "status") == "first"
    assert lateness("status", "--env-file", first) == "first"
    assert lateness("--env-file", first, "status", "--env-file", second) == "second"
    assert lateness("status", "--env-file", first, "--env-file", second) == "second"
    assert lateness("--env-file", first, "status", LATENESS_S="own") == "own"


def test_a_misspelt_setting_in_a_file_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("LATENESS=7\n")
    ran = run("count", "--env-file", file, "/dev/null")
    assert "warning: LATENESS is set, but is not a setting: did you mean LATENESS_S?" in ran.stderr


def test_the_logs_of_a_service_are_those_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("LOG_FORMAT=json\nBOOTSTRAP_SERVERS=one:1:2\n")
    ran = run("--env-file", file)
    assert ran.returncode == 2
    assert json.loads(ran.stderr)["level"] == "error"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read\nwhy: No such file or directory\nhint: correct the path or the file\n"),
        (b"A=\xff", "cannot be read\nwhy: it is not text in UTF-8\nhint: correct the path or the file\n"),
        (
            b"A=1\n\nAPI TOKEN=hunter2-swordfish\nhunter2-swordfish\n",
            (
                "cannot be used\nwhy: line 3: must be NAME=value, with each quote closed\n"
                "     line 4: must be NAME=value, with each quote closed\nhint: correct the file\n"
            ),
        ),
        (
            b"API_TOKEN='hunter2-swordfish\nB=1\n",
            "cannot be used\nwhy: line 1: must be NAME=value, with each quote closed\nhint: correct the file\n",
        ),
        (
            b"API_TOKEN=hunter2-swordfish\0\n",
            "cannot be used\nwhy: line 1: must be NAME=value, with each quote closed\nhint: correct the file\n",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_that_shows_nothing_of_it(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "env"
    if content is not None:
        file.write_bytes(content)
    ran = run("status", "--env-file", file)
    assert (ran.returncode, ran.stderr) == (2, f"error: --env-file {file} {said}")


def test_of_a_secret_and_its_file_the_stronger_source_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "first.env", tmp_path / "second.env"
    first.write_text("API_TOKEN_FILE=token.txt\n")
    second.write_text("API_TOKEN=second\n")
    assert variables_of(first) == {"API_TOKEN_FILE": "token.txt"}
    assert variables_of(first, API_TOKEN="set") == {}
    assert variables_of(second, API_TOKEN_FILE="set.txt") == {}
    assert variables_of(first, second) == {"API_TOKEN": "second"}
    assert variables_of(second, first) == {"API_TOKEN_FILE": "token.txt"}
