"""Processes of a local server in Java: each under a keeper, with a command line that carries its folder's mark."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from metrics.java import keeper
from metrics.time.deadline import Deadline

if TYPE_CHECKING:
    import psutil

Say = Callable[[str], None]

HOST = "127.0.0.1"
STOP_TIMEOUT_S = 30.0

# Without a UTF-8 locale, Java cannot open files whose paths have letters outside ASCII.
LOCALE = {"LC_ALL": "C.UTF-8"}

# The number of lines of a log that an error quotes.
LINES = 8

# This alone identifies a process that was left behind.
_MARK = "-Dframes-metrics.folder="

# Lines by which a server and Java explain a failed start.
_TELLING = re.compile(r" (ERROR|FATAL) |^Caused by: |^[\w.$]+(Exception|Error)\b")
# Printed by Java at every start, about deprecated methods and JDK_JAVA_OPTIONS.
_NOT_TELLING = ("WARNING: ", "NOTE: ")


def mark(folder: Path) -> str:
    """Return the argument that marks a command line of Java with the folder of its server."""
    return f"{_MARK}{folder}"


@contextmanager
def running(
    folder: Path, commands: Mapping[str, Sequence[str]], server: str, say: Say, environment: Mapping[str, str] = LOCALE
) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Run commands, each under its keeper, out of reach of the terminal's Ctrl-C; at the end, make sure all are gone.

    Args:
        folder: the working folder, an absolute path.
        commands: by the file in the folder for what the command prints, which is emptied first.
        server: its name, for messages.

    Yields:
        The keepers, by the same files.

    Raises:
        OSError: the folder cannot be written.
    """
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for printed, command in commands.items():
            started[printed] = _start(folder, printed, command, environment)
        yield started
    finally:
        for process in started.values():
            assert process.stdin is not None
            process.stdin.close()  # tells the keeper to stop its command
        for process in started.values():
            try:
                process.wait(STOP_TIMEOUT_S + 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        end_left_behind(folder, server, say)


def _start(
    folder: Path, printed: str, command: Sequence[str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    with (folder / printed).open("wb") as output:
        return subprocess.Popen(  # noqa: S603  # nothing of it comes from outside
            [sys.executable, "-I", keeper.__file__, f"{STOP_TIMEOUT_S}", *command],
            cwd=folder,
            env={**os.environ, **environment},
            umask=0o077,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def of_folder(folder: Path) -> list["psutil.Process"]:
    """Return the processes of the folder's server: Java's and their keepers."""
    import psutil

    argument = mark(folder)
    running = psutil.process_iter(["cmdline", "name"])
    return [process for process in running if argument in (process.info["cmdline"] or ())]


def end_left_behind(folder: Path, server: str, say: Say) -> None:
    """Stop processes of the folder's server that outlived their owner because both it and the keeper were killed.

    Only processes whose command line carries the folder's mark are touched.
    """
    import psutil

    left = of_folder(folder)
    if not left:
        return
    started_s = time.monotonic()
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in of_folder(folder):
            with contextlib.suppress(psutil.Error):
                end(process)
        Deadline(STOP_TIMEOUT_S).poll(lambda: of_folder(folder), until=lambda found: not found)
    pids = ", ".join(str(process.pid) for process in left)
    say(f"{server}: ended what an earlier run left (process {pids}) in {time.monotonic() - started_s:.1f} s")


class NotReadyError(Exception):
    """A server that ended, or did not answer in time."""


def start_on_free_ports(
    wanted: Sequence[int], start: Callable[[Sequence[int]], None], running: contextlib.ExitStack
) -> Sequence[int]:
    """Start a server, and return the ports it listens on: the wanted ones if they are free; 0 is any.

    A free port may be taken before the server opens it; others are tried then.

    Args:
        start: starts the server on these ports, and waits until it is ready.
        running: onto which `start` pushes the server's stop.

    Raises:
        NotReadyError: the server did not start, though its ports were free.
    """
    for choice in (wanted, [0] * len(wanted), [0] * len(wanted)):
        ports = free_ports(choice)
        try:
            start(ports)
        except NotReadyError:
            running.close()
            if free_ports(ports) == ports:
                raise
        else:
            return ports
    raise NotReadyError("three times, a port was taken as soon as it had been found free")


def wait_until_ready(is_ready: Callable[[], bool], program: str, timeout_s: float) -> None:
    """Wait until a server is ready.

    Args:
        is_ready: asked again and again; raises NotReadyError if the server has ended.

    Raises:
        NotReadyError: it has ended, or was not ready in time.
    """
    if not Deadline(timeout_s).poll(is_ready, until=bool):
        raise NotReadyError(f"{program} was not ready within {timeout_s:.0f} s")


def free_ports(wanted: Sequence[int]) -> Sequence[int]:
    """Return free ports: the wanted ones where these are free; 0 is any."""
    with contextlib.ExitStack() as listening:
        return [listening.enter_context(_listener(port)).getsockname()[1] for port in wanted]


def _listener(port: int) -> socket.socket:
    """Listen on a port, or else on another; as for Java, connections in TIME_WAIT do not keep a port."""
    try:
        return socket.create_server((HOST, port))
    except OSError:
        if port == 0:
            raise
        return _listener(0)


def logged_bytes(log: Path) -> int:
    """Return the size of a log, from which `telling_lines` reads later."""
    return len(_logged(log))


def telling_lines(log: Path, printed: Path, logged_before: int = 0) -> list[str]:
    """Return the errors logged after that byte; if there are none, or a signal ended the process, Java's last lines.

    Args:
        log: written by the server.
        printed: what the process has printed.
    """
    logged = _logged(log)[logged_before:].decode(errors="replace").splitlines()
    lines = [line for line in logged if _TELLING.search(line)]
    output = _logged(printed).decode(errors="replace").splitlines()
    words = [line for line in output if line and not line.startswith(_NOT_TELLING)]
    is_by_signal = bool(words) and words[-1].startswith(keeper.ENDED_BY)
    return (words if is_by_signal else lines or words)[-LINES:]


def _logged(log: Path) -> bytes:
    return log.read_bytes() if log.exists() else b""
