"""Python environments for peers with packages of their own: one per requirements file, created once."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmark.process import last_lines
from metrics.terminal.console import out, say, warn

PEERS = Path(__file__).resolve().parent / "peers"
SUFFIX = ".requirements.txt"
COMPLETE = "complete"


def interpreters(folder: Path, names: Iterable[str | None]) -> dict[str | None, Path]:
    """Return the interpreters of environments by their names; one that cannot be created is left out with a warning.

    Args:
        folder: where environments are kept.
        names: of requirements files; None for the project's own environment.
    """
    found: dict[str | None, Path] = {}
    for name in dict.fromkeys(names):
        try:
            found[name] = Path(sys.executable) if name is None else _interpreter(folder, name)
        except subprocess.CalledProcessError as error:
            warn(f"the environment of {name} cannot be created\nwhy: {last_lines(error.output)}")
    return found


def _interpreter(folder: Path, name: str) -> Path:
    """Return the interpreter of an environment with exactly the pinned packages; it is created if missing.

    Other pins, or another Python, make another environment.
    """
    requirements = PEERS / f"{name}{SUFFIX}"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    pins = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    environment = folder / f"{name}-{version}-{pins}"
    python = environment / "bin" / "python"
    if not (environment / COMPLETE).exists():
        shutil.rmtree(environment, ignore_errors=True)  # an incomplete one
        with out.status(f"creating the environment of {name} …"):
            for command in (
                [sys.executable, "-m", "venv", str(environment)],
                [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(requirements)],
            ):
                subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True)  # noqa: S603
        (environment / COMPLETE).touch()
        say(f"created the environment of {name}")
    return python
