"""What a process writes to a terminal, escape sequences included."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def printed_on_a_terminal(code: str, columns: int = 80) -> str:
    """Run Python code on a terminal; return all that it writes, without resets of styles."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=PROJECT,
        env=environment | {"TERM": "xterm", "NO_COLOR": "1"},
    )
    os.close(theirs)
    printed = b""
    with suppress(OSError):  # the terminal's other end is closed
        while piece := os.read(ours, 65_536):
            printed += piece
    os.close(ours)
    assert process.wait(20) == 0
    return printed.decode().replace("\x1b[0m", "")
