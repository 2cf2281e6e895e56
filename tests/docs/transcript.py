"""Commands and their output as a page shows them, run again in a terminal and compared.

A `console` block holds commands, each on a line that begins with `$ `, and what each printed. Three lines are special:

- `…` on its own: any lines, left out.
- `^C`: Ctrl-C is pressed once the line above it was printed.
- A command that ends with `&` is left running until the page ends; it has to print what the page shows.
"""

import os
import re
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self

BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
COLUMNS = 80  # rich takes any terminal that it finds dumb to be this wide
TIMEOUT_S = 120.0
MEASURED = r"[\d,]+(?:\.\d+)? (?:frames/s|MB/s|µs each|s(?=[:;,]|$))"
# What differs from run to run: addresses, wall time (event time is in 2016), ids of instances, durations and rates.
VARIABLE = {
    r"\b(?:127\.0\.0\.1|localhost):\d+": "HOST:PORT",
    r"\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ": "WALL TIME",
    r"(?<=instance      )[0-9a-f]{8}\b": "INSTANCE",
    r"(?<=≤ )[\d,]+\b": "BOUND",  # markers of transactions count, too
    rf"\b{MEASURED}(?:[,:]\s+{MEASURED})*": "MEASURED",  # how many there are, and whether they wrap, varies, too
}


class Step(NamedTuple):
    """A command, and the lines that it printed."""

    command: str
    output: str


def steps(page: str) -> Iterator[Step]:
    """Yield the commands of a page in order."""
    for block in BLOCK.findall(page):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Step(command, output.rstrip("\n"))


def agree(shown: str, printed: str) -> bool:
    """Return whether a command printed what the page shows, but for what differs from run to run."""
    pattern = "\n".join(re.escape(line) for line in _lines(shown)) + "\n"
    return re.fullmatch(pattern.replace("…\n", r"(?:.*\n)*?"), "\n".join([*_lines(printed), ""])) is not None


def rewritten(page: str, step: Step, printed: str) -> str:
    """Return a page with what a command prints now; lines stay left out, if they are in one place."""
    above, left_out, below = step.output.partition("…\n")
    assert "…\n" not in below, f"lines are left out in several places, so edit it by hand:\n{printed}"
    lines = printed.split("\n")
    if left_out:
        lines[above.count("\n") : -below.count("\n") - 1] = ["…"]
    shown = f"$ {step.command}\n{step.output}".rstrip()
    assert shown in page, shown
    return page.replace(shown, "\n".join([f"$ {step.command}", *lines]).rstrip(), 1)


def _as_a_page_shows(printed: str) -> str:
    """Return what was printed, without what a terminal makes of it.

    These are blanks at the ends of lines, the empty line that a progress bar leaves where it cannot be erased, and a
    line that goes on after ^C.
    """
    lines = re.sub(r"\^C(?!\r?\n)", "^C\n", printed).split("\n")
    text = "\n".join(line.rstrip() for line in lines).strip("\n")
    return re.sub(r"\n\n(?=(?:wrote|fed) )", "\n", text)


def _lines(text: str) -> list[str]:
    for pattern, name in VARIABLE.items():
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text.split("\n")


class Terminal:
    """A terminal in which one command runs; leaving its context presses Ctrl-C."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._master, slave = os.openpty()
        termios.tcsetwinsize(slave, (50, COLUMNS))
        os.set_blocking(self._master, False)
        self._process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "bash", "-c", command],
            cwd=folder,
            env={**environment, "TERM": "dumb"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self._output = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.press_ctrl_c()
            self.read_until(lambda _: False)
        os.close(self._master)

    def read_until(self, is_done: Callable[[str], bool]) -> str:
        """Read what is printed until it satisfies a condition or the command ends; return all of it so far."""
        give_up_s = time.monotonic() + TIMEOUT_S
        while True:
            has_ended = self._process.poll() is not None
            with suppress(OSError):  # nothing more is there, or the command has closed its end
                while piece := os.read(self._master, 65_536):
                    self._output += piece
            printed = _as_a_page_shows(self._output.decode(errors="replace"))
            if has_ended or is_done(printed):
                return printed
            if time.monotonic() > give_up_s:
                self._process.kill()
                raise TimeoutError(f"waited for {TIMEOUT_S} s; printed until then:\n{printed}")
            time.sleep(0.05)

    def press_ctrl_c(self) -> None:
        os.write(self._master, b"\x03")


def run(step: Step, folder: Path, environment: Mapping[str, str], running: ExitStack) -> str:
    """Run a command and return what it printed; one that ends with & goes on until `running` is left."""
    command = step.command.removesuffix("&")
    if command != step.command:
        terminal = running.enter_context(Terminal(command, folder, environment))
        return terminal.read_until(lambda printed: agree(step.output, printed))
    above, interrupted, _ = f"\n{step.output}".partition("\n^C")
    with Terminal(command, folder, environment) as terminal:
        if interrupted:
            last_line = _lines(above)[-1]
            terminal.read_until(lambda printed: last_line in _lines(printed))
            terminal.press_ctrl_c()
        return terminal.read_until(lambda _: False)
