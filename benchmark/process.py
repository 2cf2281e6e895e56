"""A process of a benchmark: started cold, bound by a timeout, measured from start to end."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import IO, NamedTuple

import msgspec

from benchmark import launcher
from metrics.errors import MetricsError

PROJECT = Path(__file__).resolve().parent.parent
END_TIMEOUT_S = 10.0
LAST_LINES = 6
LINE_WIDTH = 300


class Line(NamedTuple):
    """A line that a side printed, and when it came, by `time.monotonic`."""

    at_s: float
    text: str


class Measured(msgspec.Struct, frozen=True):
    """What the launcher says of a process that has ended; see `launcher.launch`."""

    started_s: float
    seconds: float
    cpu_s: float
    peak_rss_bytes: int
    exit_code: int
    has_timed_out: bool


class Finished(NamedTuple):
    """A run that has ended.

    Attributes:
        printed: what it printed on standard output.
        last_errors: the last lines of its standard error.
    """

    measured: Measured
    printed: Sequence[Line]
    last_errors: str

    @property
    def failure(self) -> str | None:
        """Why it failed; None where it ended as it should."""
        if self.measured.has_timed_out:
            return f"ended after {self.measured.seconds:.0f} s: it hung, or was too slow"
        if self.measured.exit_code < 0:
            return f"ended by signal {-self.measured.exit_code}"
        return f"exit code {self.measured.exit_code}" if self.measured.exit_code else None


class LaunchError(MetricsError):
    """A side could not be started or measured."""


class Running:
    """A process that was started and may be watched, waited for, and ended; see `running`.

    Attributes:
        printed: what it has printed on standard output so far.
    """

    def __init__(self, kept: "subprocess.Popen[bytes]", result: Path, errors: Path) -> None:
        self.printed: list[Line] = []
        self._kept = kept
        self._result = result
        self._errors = errors
        self._reader = Thread(target=_read, args=(kept.stdout, self.printed), daemon=True)
        self._reader.start()

    def has_ended(self) -> bool:
        """Tell whether it has ended."""
        return self._kept.poll() is not None

    def wait(self, timeout_s: float) -> None:
        """Wait for its end, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._kept.wait(timeout_s)

    def kill(self) -> None:
        """End it by SIGKILL, with all that it started, if it still runs; returns when it is gone."""
        assert self._kept.stdin is not None
        with suppress(BrokenPipeError):
            self._kept.stdin.close()  # the launcher takes this for our end
        _end(self._kept)
        self._reader.join(END_TIMEOUT_S)

    def finished(self) -> Finished:
        """Return what it did, once it has ended.

        Raises:
            LaunchError: the launcher told nothing, for instance because the command does not exist.
        """
        return Finished(_measured(self._result, self._errors), self.printed, last_lines(self._errors.read_bytes()))


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_s: float
) -> Iterator[Running]:
    """Start a command, and give it. Whatever ends the context, no process of it is left.

    Args:
        folder: an empty one for our own files.
        timeout_s: after which it is ended.
    """
    result, errors = folder / "measured.json", folder / "stderr"
    kept = [sys.executable, "-I", "-S", launcher.__file__, str(result), str(timeout_s)]
    with errors.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603  # our own command lines
            [*kept, *command],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,  # out of reach of the terminal's Ctrl-C: we end it
        )
    started = Running(process, result, errors)
    try:
        yield started
    finally:
        started.kill()


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_s: float) -> Finished:
    """Run a command to its end. Whatever ends this call, no process of it is left.

    Args:
        folder: an empty one for our own files.

    Raises:
        LaunchError: the launcher told nothing, for instance because the command does not exist.
    """
    with running(command, environment, folder, timeout_s) as started:
        started.wait(timeout_s + END_TIMEOUT_S)  # if the launcher itself hangs, what follows ends it
    return started.finished()


def last_lines(printed: bytes) -> str:
    """Return the last lines of what a process printed, long ones cut."""
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return "\n".join(textwrap.shorten(line, LINE_WIDTH, placeholder=" …") for line in lines[-LAST_LINES:])


def _measured(result: Path, errors: Path) -> Measured:
    try:
        return msgspec.json.decode(result.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError) as error:
        raise LaunchError("the side could not be started", why=last_lines(errors.read_bytes())) from error


def _read(stdout: IO[bytes] | None, printed: list[Line]) -> None:
    assert stdout is not None
    with stdout:
        for line in stdout:
            at_s = monotonic()
            printed.append(Line(at_s, line.decode(errors="replace").rstrip("\n")))


def _end(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
