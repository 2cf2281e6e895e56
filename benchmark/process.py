"""One process of a benchmark: started cold, measured from start to end."""

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from benchmark import launcher
from metrics.wording.errors import MetricsError

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


class Finished(NamedTuple):
    """Process that has ended.

    Attributes:
        printed: its standard output, line by line.
        last_errors: the last lines of its standard error.
        failure: why it failed; None if it succeeded.
    """

    measured: Measured
    printed: Sequence[str]
    last_errors: str
    failure: str | None


class LaunchError(MetricsError):
    """A side that could not be started or measured."""


class Running:
    """Process that was started; see `running`.

    Args:
        folder: where it and its launcher write.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self._result, self._printed, self._errors = folder / "measured.json", folder / "stdout", folder / "stderr"
        with self._printed.open("wb") as stdout, self._errors.open("wb") as stderr:
            self._launcher = subprocess.Popen(  # noqa: S603  # our own command lines
                [sys.executable, "-I", "-S", launcher.__file__, str(self._result), *command],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # the terminal's Ctrl-C reaches only the benchmark, which ends it
            )

    @property
    def pid(self) -> int:
        """Process id of the launcher; the command is its child."""
        return self._launcher.pid

    @property
    def printed(self) -> list[str]:
        """Its standard output so far, line by line; the last line may be incomplete."""
        return self._printed.read_text(encoding="utf-8", errors="replace").splitlines()

    def has_ended(self, within_s: float = 0.0) -> bool:
        """Return whether it has ended, after waiting for this time at most."""
        with suppress(subprocess.TimeoutExpired):
            self._launcher.wait(within_s)
        return self._launcher.returncode is not None

    def kill(self) -> None:
        """End it and its children by SIGKILL if it is still running; returns when they are gone."""
        assert self._launcher.stdin is not None
        with suppress(BrokenPipeError):
            self._launcher.stdin.close()  # to the launcher, this is the end of the benchmark
        if not self.has_ended(END_TIMEOUT_S):
            self._launcher.kill()
            self._launcher.wait()

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
        code = measured.exit_code
        failure = f"ended by signal {-code}" if code < 0 else f"exit code {code}" if code else None
        return Finished(measured, self.printed, last_errors, failure)


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Running]:
    """Start a command, and yield it; at the end of the context, no process of it is left."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        started = Running(command, environment, Path(folder))
        try:
            yield started
        finally:
            started.kill()


def run(command: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> Finished:
    """Run a command to its end, or to the timeout. However this call ends, no process of it is left.

    Raises:
        LaunchError: the launcher reported nothing, for instance because the command does not exist.
    """
    with running(command, environment) as started:
        is_in_time = started.has_ended(timeout_s)
        finished = started.finish()
    if is_in_time:
        return finished
    return finished._replace(failure=f"ended after {timeout_s:.0f} s: it hung, or was too slow")


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
