"""The project as a package: what its files say of it agrees, and once installed it does what it does in a clone."""

import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from metrics import __version__
from metrics.application.command_line import Application
from metrics.frames.producer import generator

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIPFILE = tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))
OF_A_BUILD = ("pyproject.toml", "README.md", "LICENSE", "metrics")


def test_the_package_needs_what_the_pipfile_names() -> None:
    packages = [
        name if how == "*" else f"{name}[{','.join(how['extras'])}]" for name, how in PIPFILE["packages"].items()
    ]
    assert PROJECT["dependencies"] == sorted(packages)
    extras = {name: sorted(PIPFILE[name]) for name in PIPFILE.keys() - {"packages", "dev-packages", "scripts"}}
    assert PROJECT["optional-dependencies"] == extras


def test_the_version_is_that_of_the_newest_entry_of_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}$", changelog, re.MULTILINE)
    assert versions[0] == __version__
    assert PROJECT["dynamic"] == ["version"]


def test_the_license_is_the_one_that_the_package_names() -> None:
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith(f"{PROJECT['license']} License\n")


def run(*command: str | Path, cwd: Path, exit_code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: text for name, text in os.environ.items() if name not in ("PYTHONPATH", "BOOTSTRAP_SERVERS")}
    ended = subprocess.run(
        command, cwd=cwd, env=clean | variables, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == exit_code, ended
    return ended


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel and install it without an index, beside this environment's packages; returns its `metrics`."""
    folder = tmp_path_factory.mktemp("project")
    source, environment = folder / "source", folder / "environment"
    source.mkdir()
    for name in OF_A_BUILD:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "-w", ".", source, cwd=folder)
    [wheel] = folder.glob("*.whl")
    assert wheel.name.startswith(f"frames_metrics-{__version__}-")
    venv.create(environment)
    python = environment / "bin" / "python"
    run(*pip, "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    [site_packages] = environment.glob("lib/python*/site-packages")
    (site_packages / "beside.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return environment / "bin" / "metrics"


def test_the_command_shows_its_version_as_the_application_in_a_clone_does(installed: Path, tmp_path: Path) -> None:
    assert run(installed, "--version", cwd=tmp_path).stdout == f"metrics {__version__}\n"
    assert run(sys.executable, ROOT / "app.py", "--version", cwd=tmp_path).stdout == f"metrics {__version__}\n"


def test_the_command_is_not_the_clone_s_and_has_the_page_s_files(installed: Path, tmp_path: Path) -> None:
    where = "import metrics.frames.web as web; print(web.__path__[0])"
    folder = Path(run(installed.parent / "python", "-c", where, cwd=tmp_path).stdout.strip())
    assert folder.is_relative_to(installed.parents[1])
    carried = {
        str(path.relative_to(ROOT)) for path in (ROOT / "metrics").rglob("*.*") if not path.suffix.startswith(".py")
    }
    assert len(carried) > 3
    assert all((folder.parents[2] / name).is_file() for name in carried)


def test_the_command_counts_and_helps_as_the_application_in_a_clone_does(installed: Path, tmp_path: Path) -> None:
    frames = generator.frames(count=2_000, rate=100, users=50, seed=1)
    (tmp_path / "frames.jsonl").write_bytes(b"".join(frame + b"\n" for frame in frames))
    app = (sys.executable, ROOT / "app.py")
    for arguments in (["count", "frames.jsonl"], ["--help"], ["count", "--help"]):
        ours, of_clone = (run(*command, *arguments, cwd=tmp_path).stdout for command in ((installed,), app))
        of_clone = of_clone.replace("Usage: app.py ", "Usage: metrics ").replace("python app.py ", "metrics ")
        assert ours.split() == of_clone.split()
        assert len(ours) > 100


def test_every_help_shows_the_command_that_is_installed(installed: Path, tmp_path: Path) -> None:
    for command in ((), *((name,) for name in Application.modules), ("topics", "create")):
        said = run(installed, *command, "--help", cwd=tmp_path).stdout
        assert "app.py" not in said
        assert re.search(f"^ *Example: .*{' '.join(('metrics', *command))} ", said, re.MULTILINE)


def test_hints_name_the_command_that_is_installed(installed: Path, tmp_path: Path) -> None:
    hint = "name an existing file, or generate one: metrics generate FILE"
    assert f"\nhint: {hint}\n" in run(installed, "count", "nope", cwd=tmp_path, exit_code=3).stderr
    of_clone = run(sys.executable, ROOT / "app.py", "count", "nope", cwd=tmp_path, exit_code=3).stderr
    assert f"\nhint: {hint.replace('metrics', 'python app.py')}\n" in of_clone


def test_the_command_looks_for_data_in_the_working_folder(installed: Path, tmp_path: Path) -> None:
    ended = run(installed, "prepare-topics", cwd=tmp_path, exit_code=3, BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert f"{tmp_path / 'data'} contains no *.jsonl" in ended.stderr


def test_without_its_packages_the_command_names_what_installs_them(installed: Path, tmp_path: Path) -> None:
    python = installed.parent / "python"
    without = "import sys; sys.modules['typer'] = None; from metrics.__main__ import main; main()"
    ended = run(python, "-c", without, cwd=tmp_path, exit_code=2)
    assert "error: the package typer is not installed" in ended.stderr
    assert "hint: in a clone of the project: " in ended.stderr
    assert "-m pip install '.[local-servers]'\n" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("imported", [" metrics.cli\n", " typer\n", " metrics.frames.settings\n"])
def test_a_signal_ends_the_command_without_a_traceback_while_it_imports(
    installed: Path, tmp_path: Path, number: signal.Signals, imported: str
) -> None:
    environment = os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}
    command: list[str | Path] = [installed, "generate", "/dev/null", "--count", "1000000000"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if line.endswith(imported))
        process.send_signal(number)
        said = [line for line in process.stderr if not line.startswith("import time:")]
    assert (process.returncode, said) in ((128 + number, []), (128 + number, ["warning: stopped by Ctrl-C\n"]))
