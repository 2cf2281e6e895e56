"""One process of a benchmark: started cold, limited by a timeout, measured from start to end."""

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, NamedTuple, TypeVar

import msgspec

from benchmark import launcher
from metrics.errors import MetricsError

PROJECT = Path(__file__).resolve().parent.parent
END_TIMEOUT_S = 10.0
LAST_LINES = 6
LINE_WIDTH = 300

Report = TypeVar("Report")


class Measured(msgspec.Struct, frozen=True):
    """Measurements of a process that has ended; see `launcher.launch`."""

    started_s: float
    seconds: float
    cpu_s: float
    peak_rss_bytes: int
    exit_code: int
    has_timed_out: bool


class Finished(NamedTuple):
    """Process that has ended.

    Attributes:
        printed: its standard output, line by line.
        last_errors: the last lines of its standard error.
    """

    measured: Measured
    printed: Sequence[str]
    last_errors: str

    @property
    def failure(self) -> str | None:
        """Why it failed; None if it succeeded."""
        if self.measured.has_timed_out:
            return f"ended after {self.measured.seconds:.0f} s: it hung, or was too slow"
        if self.measured.exit_code < 0:
            return f"ended by signal {-self.measured.exit_code}"
        return f"exit code {self.measured.exit_code}" if self.measured.exit_code else None


class LaunchError(MetricsError):
    """A side that could not be started or measured."""


class Running:
    """Process that was started; see `running`.

    Attributes:
        printed: its standard output so far.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", result: Path, errors: Path) -> None:
        self.printed: list[str] = []
        self._launcher = process
        self._result = result
        self._errors = errors
        self._reader = Thread(target=_read, args=(process.stdout, self.printed), daemon=True)
        self._reader.start()

    def has_ended(self) -> bool:
        """Return whether it has ended."""
        return self._launcher.poll() is not None

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended, for timeout_s seconds at most."""
        with suppress(subprocess.TimeoutExpired):
            self._launcher.wait(timeout_s)

    def kill(self) -> None:
        """End it and its children by SIGKILL if it is still running; returns when they are gone."""
        assert self._launcher.stdin is not None
        with suppress(BrokenPipeError):
            self._launcher.stdin.close()  # to the launcher, this is our end
        self.wait(END_TIMEOUT_S)
        self._launcher.kill()
        self._launcher.wait()
        self._reader.join(END_TIMEOUT_S)

    def finish(self) -> Finished:
        """Return its measurements and output; if it is still running, it is killed.

        Raises:
            LaunchError: the launcher reported nothing, for instance because the command does not exist.
        """
        self.kill()
        last_errors = last_lines(self._errors.read_bytes())
        try:
            measured = msgspec.json.decode(self._result.read_bytes(), type=Measured)
        except (OSError, msgspec.DecodeError) as error:
            raise LaunchError("the side could not be started", why=last_errors) from error
        return Finished(measured, self.printed, last_errors)


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Iterator[Running]:
    """Start a command, and yield it; at the end of the context, no process of it is left.

    Args:
        timeout_s: after which it is ended.
    """
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        result, errors = Path(folder) / "measured.json", Path(folder) / "stderr"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603  # our own command lines
                [sys.executable, "-I", "-S", launcher.__file__, str(result), str(timeout_s), *command],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,  # the terminal's Ctrl-C does not reach it: we end it
            )
        started = Running(process, result, errors)
        try:
            yield started
        finally:
            started.kill()


def run(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Finished:
    """Run a command to its end. However this call ends, no process of it is left.

    Raises:
        LaunchError: the launcher reported nothing, for instance because the command does not exist.
    """
    with running(command, environment, timeout_s) as started:
        started.wait(timeout_s + END_TIMEOUT_S)  # if the launcher itself hangs, it is killed
        return started.finish()


def reports(printed: Sequence[str], kind: type[Report]) -> list[Report]:
    """Decode the printed lines that are reports of a kind, as JSON; other lines, such as a library's, are left out."""
    found = []
    for line in printed:
        with suppress(msgspec.DecodeError):
            found.append(msgspec.json.decode(line, type=kind))
    return found


def last_lines(printed: bytes) -> str:
    """Return the last lines of some output, long ones shortened."""
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return "\n".join(textwrap.shorten(line, LINE_WIDTH, placeholder=" …") for line in lines[-LAST_LINES:])


def _read(stdout: IO[bytes] | None, printed: list[str]) -> None:
    assert stdout is not None
    with stdout:
        for line in stdout:
            printed.append(line.decode(errors="replace").rstrip("\n"))  # noqa: PERF401  # it is read meanwhile
