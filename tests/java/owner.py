"""A process that owns a local server, and what becomes of both."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from tests.kafka.application import wait_until

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0

# Runs the server of a folder until Ctrl-C, alone or as one that others may share.
OWNER = """
import sys, time
from importlib import import_module
from pathlib import Path
from metrics.wording.errors import MetricsError

server = import_module(sys.argv[1])
try:
    with getattr(server, sys.argv[3])(Path(sys.argv[2]), lambda line: print(line, flush=True)):
        print("inside", flush=True)
        time.sleep(600)
except MetricsError as error:
    print(error)
"""

# Uses the server of a folder for a moment, also if another process runs it.
USER = """
import sys
from importlib import import_module
from pathlib import Path

with import_module(sys.argv[1]).shared(Path(sys.argv[2]), lambda line: None) as address:
    print(address)
"""


@dataclass
class Owner:
    """A process of its own that runs the server of a folder, as `python app.py broker` does.

    As `shared`, it does so as a single command that other processes find.

    Attributes:
        module: of the server.
        address: the server's, once it is ready.
    """

    module: str
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    address: str = ""
    way: Literal["running", "shared"] = "running"

    def __enter__(self) -> "Owner":
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, self.module, self.folder, self.way],
            cwd=PROJECT,
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if ready := re.search(r" on (\S*127\.0\.0\.1:\d+), ready in ", line):
                self.address = ready[1]
            if line == "inside\n":
                break
        assert self.address, "it did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def interrupt(self) -> None:
        """Send Ctrl-C as a terminal does it: to all of the foreground."""
        os.killpg(self.process.pid, signal.SIGINT)

    def keepers(self) -> list[psutil.Process]:
        """Return the processes that it started itself."""
        return psutil.Process(self.process.pid).children()

    def servers(self) -> list[psutil.Process]:
        """Return those that the keepers started."""
        return [process for keeper in self.keepers() for process in keeper.children()]


def used_by_another_process(module: str, folder: Path) -> str:
    """Return the address that another process finds."""
    command: list[str | Path] = [sys.executable, "-c", USER, module, folder]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()


def refused_without(package: str, module: str, folder: Path) -> str:
    """Return what an owner prints for which a package is not installed."""
    without = f"import sys; sys.modules[{package!r}] = None\n{OWNER}"
    command: list[str | Path] = [sys.executable, "-c", without, module, folder, "running"]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout


class Thief:
    """Thread that takes a port as soon as a file names it.

    Args:
        names: the port, in a line of the file, which is complete when it ends with a line break.
    """

    def __init__(self, file: Path, names: str) -> None:
        self._file = file
        self._names = re.compile(names, re.MULTILINE)
        self._taken: socket.socket | None = None
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> "Thief":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._taken is not None:
            self._taken.close()

    def port(self) -> int:
        """Wait until the port is taken, and return it."""
        self._thread.join()
        assert self._taken is not None
        return int(self._taken.getsockname()[1])

    def _take(self) -> None:
        wait_until(lambda: self._file.exists() and self._file.read_text().endswith("\n"), "the port is chosen")
        named = self._names.search(self._file.read_text())
        assert named is not None
        self._taken = socket.create_server(("127.0.0.1", int(named[1])))


def alive(process: psutil.Process) -> bool:
    return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def nothing(_: str) -> None:
    """Print nothing."""
