"""One run of a side, as a process: started cold, bound by a timeout, measured from start to end."""

import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
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


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path, timeout_s: float) -> Finished:
    """Run a command to its end. Whatever ends this call, no process of it is left.

    Args:
        folder: an empty one for our own files.

    Raises:
        LaunchError: the launcher told nothing, for instance because the command does not exist.
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
    assert process.stdin is not None
    assert process.stdout is not None
    printed: list[Line] = []
    reader = Thread(target=_read, args=(process.stdout, printed), daemon=True)
    reader.start()
    try:
        process.wait(timeout_s + END_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        pass  # the launcher itself hangs; what follows ends it
    finally:
        process.stdin.close()  # the launcher takes this for our end, if it still runs
        _end(process)
        reader.join(END_TIMEOUT_S)
    return Finished(_measured(result, errors), printed, last_lines(errors.read_bytes()))


def last_lines(printed: bytes) -> str:
    """Return the last lines of what a process printed, long ones cut."""
    lines = [line for line in printed.decode(errors="replace").splitlines() if line.strip()]
    return "\n".join(textwrap.shorten(line, LINE_WIDTH, placeholder=" …") for line in lines[-LAST_LINES:])


def _measured(result: Path, errors: Path) -> Measured:
    try:
        return msgspec.json.decode(result.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError) as error:
        raise LaunchError("the side could not be started", why=last_lines(errors.read_bytes())) from error


def _read(stdout: IO[bytes], printed: list[Line]) -> None:
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
