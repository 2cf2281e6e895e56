"""Python environments for peers with packages of their own: one per requirements file, created once."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmark.process import last_lines
from metrics.errors import MetricsError
from metrics.terminal.console import out, say, warn

PEERS = Path(__file__).resolve().parent / "peers"
SUFFIX = ".requirements.txt"
COMPLETE = "complete"


class PackagesError(MetricsError):
    """Packages of a peer that cannot be installed."""


def interpreters(folder: Path, names: Iterable[str | None]) -> dict[str | None, Path]:
    """Return the interpreters of environments by their names; one that cannot be created is left out with a warning.

    Args:
        folder: where environments are kept.
        names: of requirements files; None for the project's own environment.
    """
    found: dict[str | None, Path] = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = Path(sys.executable) if name is None else interpreter(folder, PEERS / f"{name}{SUFFIX}")
        except PackagesError as error:
            warn(str(error))
    return found


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
