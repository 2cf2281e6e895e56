"""The contracts of the imports, tried: `lint-imports` names what is forbidden in a copy of the code."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = Path(sys.executable).parent / "lint-imports"
UP = "Imports go one way, and every package has its layer"
LOWEST = "What lies lowest imports nothing beside it"
APART = "Systems do not import each other"
PURE = "Every core and the plain recount are pure: no Kafka, database, file, clock, environment or terminal"
CIRCLE = "No circle: what a package holds imports one way"
PEER = "A peer stands alone: it runs where the project's packages are not"
BENCHMARK = (
    "The benchmark's layers: command line, results, rounds, sides, what each needs; below all of them the application"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Copy what lint looks at."""
    for package in ("metrics", "benchmark"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add(copy: Path, module: str, line: str) -> None:
    """Add a line at the end of a module, which is made where it is missing, with the packages above it."""
    path = (copy / module.replace(".", "/")).with_suffix(".py")
    for folder in [folder for folder in path.parents if folder.is_relative_to(copy) and folder != copy][::-1]:
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")


def lint(copy: Path) -> tuple[int, set[str], str]:
    """Return the exit code of `lint-imports`, the contracts that it finds broken, and all that it says as one line."""
    ended = subprocess.run(
        [LINT, "--no-cache"], cwd=copy, env={"COLUMNS": "80"}, capture_output=True, text=True, timeout=120, check=False
    )
    said = re.sub(r"\s+", " ", ended.stdout + ended.stderr)
    contracts = (UP, LOWEST, APART, PURE, CIRCLE, PEER, BENCHMARK)
    return ended.returncode, {name for name in contracts if f"{name} BROKEN" in said}, said


def test_the_code_keeps_every_contract(copy: Path) -> None:
    exit_code, broken, said = lint(copy)
    assert (exit_code, broken) == (0, set()), said
    assert "Contracts: 7 kept, 0 broken" in said


@pytest.mark.parametrize(
    ("module", "line", "contract", "named"),
    [
        ("metrics.kafka.futures", "import metrics.frames.records", UP, "metrics.kafka is not allowed to import"),
        ("metrics.web.auth", "import metrics.kafka.clients", UP, "metrics.web is not allowed to import metrics.kafka"),
        ("metrics.postgres.connect", "import metrics.kafka.offsets", UP, "metrics.postgres is not allowed to import"),
        ("metrics.catalogue.core.models", "import psycopg", PURE, "catalogue.core.models -> psycopg"),
        (
            "metrics.wording.text",
            "import metrics.time.moments",
            UP,
            "metrics.wording is not allowed to import metrics.time",
        ),
        ("metrics.frames.core.frame", "import pathlib", PURE, "frames.core.frame -> pathlib"),
        ("metrics.frames.core.later", "from time import monotonic", PURE, "frames.core.later -> time"),
        ("metrics.frames.verify.recount.later", "import os", PURE, "frames.verify.recount.later -> os"),
        ("metrics.frames.core.state", "import metrics.files.project", PURE, "core.state -> metrics.files.project"),
        ("metrics.frames.core.state", "import metrics.kafka.offsets", PURE, "core.state -> metrics.kafka.offsets"),
        ("metrics.frames.core.state", "import metrics.frames.job.loop", CIRCLE, ".core -> .job"),
        ("metrics.frames.records", "import benchmark.process", BENCHMARK, "frames.records -> benchmark.process"),
        (
            "metrics.wording.text",
            "import metrics.wording.errors",
            LOWEST,
            "metrics.wording.text is not allowed to import",
        ),
        ("benchmark.peers.copy", "import metrics.wording.text", PEER, "benchmark.peers.copy -> metrics.wording.text"),
    ],
)
def test_a_forbidden_import_fails_lint_and_is_named(
    copy: Path, module: str, line: str, contract: str, named: str
) -> None:
    add(copy, module, line)
    exit_code, broken, said = lint(copy)
    assert exit_code == 1
    assert contract in broken
    assert named in said


def test_a_package_without_a_layer_fails_lint(copy: Path) -> None:
    add(copy, "metrics.plays.api", "import metrics.web.auth")
    exit_code, _, said = lint(copy)
    assert exit_code == 1
    assert "The following modules are not listed as layers: - metrics.plays" in said


# What reaches a file, a clock, the environment, a terminal, the network or a broker, and all that is drawn at random.
OURS = "cli files kafka monitoring postgres settings terminal web"
FOREIGN = (
    "asyncio boto3 builtins concurrent confluent_kafka fastapi ftplib http httpx importlib io logging multiprocessing "
    "nicegui os pathlib platform psycopg random rich secrets shutil signal socket sqlite3 ssl subprocess sys tempfile "
    "threading time typer urllib uuid uvicorn "
)
IMPURE = [*(f"metrics.{name}" for name in OURS.split()), *FOREIGN.split()]


@pytest.mark.parametrize("module", ["metrics.frames.core.state", "metrics.frames.verify.recount.windows"])
def test_what_is_pure_may_import_none_of_what_is_not(copy: Path, module: str) -> None:
    for impure in IMPURE:
        add(copy, module, f"import {impure}")
    exit_code, broken, said = lint(copy)
    assert (exit_code, PURE in broken) == (1, True)
    assert [impure for impure in IMPURE if f"{module} -> {impure} " not in said] == []


LAYER = '    "catalogue | frames | harvest | views",\n'
PROTECTED = '["metrics.catalogue", "metrics.frames", "metrics.harvest", "metrics.views"]'


def declare_plays(copy: Path) -> None:
    """Declare a further system as the next issues will: beside the others, in both contracts."""
    contracts = (copy / "pyproject.toml").read_text(encoding="utf-8")
    assert contracts.count(LAYER) == contracts.count(PROTECTED) == 1
    contracts = contracts.replace(LAYER, LAYER.replace("harvest", "harvest | plays"))
    contracts = contracts.replace(PROTECTED, PROTECTED.replace("[", '["metrics.plays", '))
    (copy / "pyproject.toml").write_text(contracts, encoding="utf-8")


@pytest.mark.parametrize(("one", "other"), [("plays", "frames"), ("frames", "plays")])
def test_a_further_system_may_use_the_plumbing_and_no_other_system(copy: Path, one: str, other: str) -> None:
    declare_plays(copy)
    add(copy, "metrics.plays.records", "import metrics.kafka.futures, metrics.web.auth")
    assert lint(copy)[:2] == (0, set())
    add(copy, f"metrics.{one}.api", f"import metrics.{other}.records")
    exit_code, broken, said = lint(copy)
    assert (exit_code, broken) == (1, {UP, APART})
    assert f"metrics.{one} is not allowed to import metrics.{other}" in said
    assert f"metrics.{one}.api -> metrics.{other}.records" in said


def test_a_system_that_is_not_listed_may_not_import_another_either(copy: Path) -> None:
    contracts = (copy / "pyproject.toml").read_text(encoding="utf-8")
    (copy / "pyproject.toml").write_text(contracts.replace(LAYER, f'    "plays",\n{LAYER}'))
    add(copy, "metrics.plays.api", "import metrics.frames.records")
    exit_code, broken, said = lint(copy)
    assert (exit_code, broken) == (1, {APART})
    assert "metrics.plays.api -> metrics.frames.records" in said


def test_the_core_of_a_further_system_is_held_pure_without_being_named(copy: Path) -> None:
    declare_plays(copy)
    add(copy, "metrics.plays.core.totals", "import pathlib")
    exit_code, broken, said = lint(copy)
    assert (exit_code, broken) == (1, {PURE})
    assert "metrics.plays.core.totals -> pathlib" in said
