"""The keeper of a Java program, with a shell in its place."""

import signal
import subprocess
import sys

import pytest

from metrics.java import keeper


@pytest.mark.parametrize(
    ("script", "code", "printed"),
    [("exit 3", 3, ""), ("kill -9 $$", 128 + signal.SIGKILL, "ended by the signal SIGKILL\n")],
)
def test_the_end_of_a_command_is_told_and_the_keeper_ends_as_it_did(script: str, code: int, printed: str) -> None:
    command = [sys.executable, "-I", keeper.__file__, "5", "sh", "-c", script]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as kept:
        assert kept.wait(30) == code  # before its standard input is closed, as that of a broker that was killed
        assert kept.communicate() == (printed, "")
