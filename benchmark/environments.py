"""Environments for what needs packages of its own: one for each requirements file, made once."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmark.process import last_lines
from metrics.errors import MetricsError
from metrics.terminal.console import out, say, warn

PEERS = Path(__file__).resolve().parent / "peers"
SUFFIX = ".requirements.txt"
COMPLETE = "complete"


class PackagesError(MetricsError):
    """The packages that are measured cannot be installed."""


class Environments:
    """The interpreters of the sides.

    Args:
        folder: where environments are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}
        self._failed: dict[str, PackagesError] = {}

    def prepare(self, packages: str | None) -> None:
        """Make the environment of a requirements file unless it is there; what fails is told, and raised later.

        Args:
            packages: the name of the file; None: the project's own environment.
        """
        if packages is None or packages in self._made or packages in self._failed:
            return
        try:
            self._made[packages] = interpreter(self._folder, PEERS / f"{packages}{SUFFIX}")
        except PackagesError as error:
            self._failed[packages] = error
            warn(str(error))

    def python(self, packages: str | None) -> Path:
        """Return the interpreter of an environment that was prepared.

        Raises:
            PackagesError: it could not be made.
        """
        if packages is None:
            return Path(sys.executable)
        if packages in self._failed:
            raise self._failed[packages]
        return self._made[packages]

    def made(self) -> dict[str, Path]:
        """Return the interpreters by the names of their requirements files."""
        return dict(self._made)


def interpreter(folder: Path, requirements: Path) -> Path:
    """Return the interpreter of an environment with exactly what a requirements file pins; made if need be.

    Other pins, or another Python, make another environment.

    Args:
        folder: where environments are kept.
        requirements: NAME.requirements.txt.

    Raises:
        PackagesError: it cannot be made.
    """
    name = requirements.name.removesuffix(SUFFIX)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    environment = folder / f"{name}-{version}-{pins}"
    python = environment / "bin" / "python"
    if not (environment / COMPLETE).exists():
        shutil.rmtree(environment, ignore_errors=True)  # a half-made one
        with out.status(f"making the environment of {name} …"):
            _run(name, [sys.executable, "-m", "venv", str(environment)])
            _run(name, [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)])
        (environment / COMPLETE).touch()
        say(f"made the environment of {name}")
    return python


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own command lines
    if done.returncode != 0:
        raise PackagesError(f"the environment of {name} cannot be made", why=last_lines(done.stdout + done.stderr))
