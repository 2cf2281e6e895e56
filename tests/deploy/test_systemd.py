"""The units of systemd, held against the settings, the commands and the exit codes, and verified by systemd itself."""

import dataclasses
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from metrics.application.serve import ServerSettings
from metrics.frames.settings import Settings
from metrics.settings.declared import Declared
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import SettingsError, StateError, TopicError
from tests.deploy.manifests import JOB, ROOT, SERVE, VIEWS_COUNT

SETTINGS: dict[str, type[Declared]] = {JOB: Settings, SERVE: ServerSettings, VIEWS_COUNT: ViewsSettings}
INSTALL = "apt-get install --no-install-recommends systemd"
PYTHON = "/opt/frames-metrics/.venv/bin/python"
DATABASE_URL = "postgresql://metrics:swordfish@postgres:5432/metrics"


def text_of(name: str) -> str:
    return (ROOT / "deploy" / f"{name}.service").read_text(encoding="utf-8")


def service(name: str) -> dict[str, list[str]]:
    """Return what a unit's section [Service] says, as a list for each name."""
    found = defaultdict(list)
    section = text_of(name).partition("[Service]\n")[2].partition("\n[")[0]
    for line in section.splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found[key].append(value)
    return dict(found)


def test_there_is_a_unit_for_each_service() -> None:
    assert sorted(path.stem for path in (ROOT / "deploy").glob("*.service")) == sorted(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_systemd_starts_again_whatever_another_start_may_mend(name: str) -> None:
    ends = sorted(kind.exit_code for kind in (SettingsError, TopicError, StateError))
    assert service(name)["RestartPreventExitStatus"] == [" ".join(map(str, ends))] == ["2 5 7"]
    assert service(name)["Restart"] == ["on-failure"]


@pytest.mark.parametrize(
    ("name", "arguments"), [(JOB, []), (SERVE, ["serve"]), (VIEWS_COUNT, ["views", "count", "--standby"])]
)
def test_systemd_runs_a_command_of_this_project_with_the_packages_beside_it(name: str, arguments: list[str]) -> None:
    [command] = service(name)["ExecStart"]
    assert command.split() == [PYTHON, "app.py", *arguments]
    assert [f"{folder}/.venv/bin/python" for folder in service(name)["WorkingDirectory"]] == [PYTHON]
    ended = subprocess.run(
        [sys.executable, "app.py", *arguments, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert all(argument in ended.stdout for argument in arguments)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (JOB, {}),
        (SERVE, {"api_token": "swordfish", "database_url": DATABASE_URL, "harvest_dir": "/var/lib/frames-metrics"}),
        (VIEWS_COUNT, {"database_url": DATABASE_URL}),
    ],
)
def test_secrets_are_read_from_the_credentials_that_systemd_loads(
    name: str, told: dict[str, str], tmp_path: Path
) -> None:
    values = {"API_TOKEN": "swordfish", "DATABASE_URL": DATABASE_URL}
    for credential in service(name).get("LoadCredential", []):
        key, _, source = credential.partition(":")
        assert source == f"/etc/frames-metrics/{key}"
        (tmp_path / key).write_text(f"{values[key]}\n", encoding="utf-8")
    given = dict(line.split("=", 1) for line in service(name).get("Environment", []))
    environment = {key: value.replace("%d", str(tmp_path)).replace("%S", "/var/lib") for key, value in given.items()}
    loaded, default = (
        dataclasses.asdict(settings) for settings in (SETTINGS[name].load(environment), SETTINGS[name]())
    )
    assert {field: value for field, value in loaded.items() if value != default[field]} == told
    assert service(SERVE)["StateDirectory"] == ["frames-metrics"]


def test_the_jobs_read_the_same_settings_and_that_of_views_may_have_other_ones() -> None:
    common = "/etc/frames-metrics.env"
    assert {name: service(name)["EnvironmentFile"] for name in SETTINGS} == {
        JOB: [common],
        SERVE: [common],
        VIEWS_COUNT: [common, "-/etc/frames-metrics-views-count.env"],
    }


def test_every_service_may_do_as_little() -> None:
    expected = {
        "DynamicUser": ["yes"],
        "ProtectSystem": ["strict"],
        "ProtectHome": ["yes"],
        "PrivateTmp": ["yes"],
        "NoNewPrivileges": ["yes"],
    }
    assert {name: {key: service(name).get(key) for key in expected} for name in SETTINGS} == dict.fromkeys(
        SETTINGS, expected
    )


def verified(folder: Path, name: str, text: str) -> str:
    """Return what `systemd-analyze verify` says of a unit, whose interpreter is the one that runs the tests."""
    if shutil.which("systemd-analyze") is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"systemd-analyze is missing: {INSTALL}")
    unit = folder / f"{name}.service"
    unit.write_text(text.replace(PYTHON, sys.executable), encoding="utf-8")
    ended = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("name", SETTINGS)
def test_systemd_accepts_each_unit_and_finds_a_misspelt_line(name: str, tmp_path: Path) -> None:
    assert verified(tmp_path, name, text_of(name)) == ""
    misspelt = verified(tmp_path, name, text_of(name).replace("ProtectHome=", "ProtectHouse="))
    assert "Unknown key 'ProtectHouse' in section [Service]" in misspelt
