"""Commands and their output as a page shows them, run again in a terminal and compared.

A `console` block holds commands, each on a line that begins with `$ `, and what each printed. These are special:

- `…` on its own: any lines, left out.
- `^C`: Ctrl-C is pressed once the line above it was printed, or above `…`.
- The ports 8000 and 9464 stand for two that are free.
- A command that ends with `&` is left running until the page ends; it has to print what the page shows.
"""

import os
import re
import socket
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple, Self

BLOCK = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
COLUMNS = 80  # rich takes any terminal that it finds dumb to be this wide
TIMEOUT_S = 240.0
MEASURED = r"[\d,]+(?:\.\d+)? (?:frames/s|records/s|lines/s|events/s|MB/s|µs each|s(?=[:;,]|$))"
# What differs from run to run: addresses, wall time (event time is in 2016), ids of instances, durations and rates.
VARIABLE = {
    r"\b(?:127\.0\.0\.1|localhost):\d+": "HOST:PORT",
    r"\b20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z": "WALL TIME",
    r"\b1[7-9]\d{8}\b": "WALL TIME",
    r"(?<=instance )[0-9a-f]{8}\b": "INSTANCE",
    r'"id": ?"[0-9a-f]{8}"': "INSTANCE",
    r"(?<=≤ )[\d,]+\b": "BOUND",  # markers of transactions count, too
    # Of a harvest of live streams, all but the words.
    r"(?<!\d)20\d{6}_\d{6}(?:_\d+)?(?!\d)": "RUN",
    r"^(sytflix|sytazon|sysney) .*$": r"\1",
    r"^((?:users|shows|successful|Sytflix events)\b.*?) +(?:[\d,.]+(?: %)?|-)$": r"\1",
    r"\bwas seen [\d,]+ of\b": "was seen N of",
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
    return re.sub(r"(?:^|\n)\n(?=(?:wrote|fed) |\w+: load )", "\n", text).strip("\n")


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


def run(step: Step, folder: Path, environment: Mapping[str, str], running: ExitStack, ports: Mapping[str, str]) -> str:
    """Run a command and return what it printed; one that ends with & goes on until `running` is left.

    Args:
        ports: those to take, by those that the page names.
    """
    command = step.command.removesuffix("&")
    for named, taken in ports.items():
        command = command.replace(named, taken)

    def as_named(printed: str) -> str:
        for named, taken in ports.items():
            printed = printed.replace(taken, named)
        return printed

    terminal = Terminal(command, folder, environment)
    if step.command.endswith("&"):
        running.enter_context(terminal)
        return as_named(terminal.read_until(lambda printed: agree(step.output, as_named(printed))))
    above, interrupted, _ = f"\n{step.output}".partition("\n^C")
    with terminal:
        if interrupted:
            last_line = _lines(above.removesuffix("\n…"))[-1]
            terminal.read_until(lambda printed: last_line in _lines(printed))
            terminal.press_ctrl_c()
        return as_named(terminal.read_until(lambda _: False))


def free_ports() -> dict[str, str]:
    """Return ports that nothing listens at, by those that pages name; as long as these, so that lines wrap alike."""
    with ExitStack() as bound:
        free = iter(range(os.getpid() % 1_000 + 8_001, 10_000))
        return {named: next(port for port in map(str, free) if _is_free(port, bound)) for named in ("8000", "9464")}


def _is_free(port: str, bound: ExitStack) -> bool:
    with suppress(OSError):
        bound.enter_context(socket.create_server(("127.0.0.1", int(port))))
        return True
    return False
