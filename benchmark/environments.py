"""Python environments for sides with packages of their own: one per requirements file, created once."""

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
    """Packages of a peer that cannot be installed."""


class Environments:
    """Python interpreters of the sides.

    Args:
        folder: where environments are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path | PackagesError] = {}

    def prepare(self, packages: str | None) -> None:
        """Create the environment of a requirements file unless it exists; a failure is printed now and raised later.

        Args:
            packages: the file's name; None: the project's own environment.
        """
        if packages is None or packages in self._made:
            return
        try:
            self._made[packages] = interpreter(self._folder, PEERS / f"{packages}{SUFFIX}")
        except PackagesError as error:
            self._made[packages] = error
            warn(str(error))

    def python(self, packages: str | None) -> Path:
        """Return the interpreter of a prepared environment.

        Raises:
            PackagesError: the environment could not be created.
        """
        made = Path(sys.executable) if packages is None else self._made[packages]
        if isinstance(made, PackagesError):
            raise made
        return made

    def made(self) -> dict[str, Path]:
        """Return the interpreters by the names of their requirements files."""
        return {packages: made for packages, made in self._made.items() if isinstance(made, Path)}


def interpreter(folder: Path, requirements: Path) -> Path:
    """Return the interpreter of an environment with exactly the pinned packages; it is created if missing.

    Other pins, or another Python, make another environment.

    Args:
        folder: where environments are kept.
        requirements: NAME.requirements.txt.

    Raises:
        PackagesError: it cannot be created.
    """
    name = requirements.name.removesuffix(SUFFIX)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    environment = folder / f"{name}-{version}-{pins}"
    python = environment / "bin" / "python"
    if not (environment / COMPLETE).exists():
        shutil.rmtree(environment, ignore_errors=True)  # an incomplete one
        with out.status(f"creating the environment of {name} …"):
            _run(name, [sys.executable, "-m", "venv", str(environment)])
            _run(name, [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)])
        (environment / COMPLETE).touch()
        say(f"created the environment of {name}")
    return python


def _run(name: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own command lines
    if done.returncode != 0:
        raise PackagesError(f"the environment of {name} cannot be created", why=last_lines(done.stdout + done.stderr))
