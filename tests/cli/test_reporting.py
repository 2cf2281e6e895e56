"""How a command learns of the signal that stops it."""

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from metrics.cli.reporting import stopping_on_signals

STOPPED_ONCE = """
import os, signal, sys
from metrics.cli.reporting import stopping_on_signals
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # as under nohup
with stopping_on_signals() as stopping:
    print(stopping.signal, stopping.exit_code)
    os.kill(os.getpid(), int(sys.argv[1]))
    assert stopping.wait(10)
    print(int(stopping.signal), stopping.exit_code)
"""


# In a process of its own: the threads of a test runner would take the signal.
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_event_knows_the_signal_that_set_it(number: signal.Signals, exit_code: int) -> None:
    command = [sys.executable, "-c", STOPPED_ONCE, str(int(number))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == (f"None 0\n{int(number)} {exit_code}\n", "")


def test_without_a_signal_the_event_knows_none_even_at_its_end() -> None:
    with stopping_on_signals() as stopping:
        pass
    assert (stopping.signal, stopping.exit_code) == (None, 0)


STOPPED_TWICE = """
import os
from threading import Event
from metrics.cli.reporting import stopping_on_signals
from metrics.terminal import logs
logs.log_lines("INFO")
with stopping_on_signals("; so it goes") as stopping:
    os.write(1, b"ready")
    stopping.wait()
    os.write(1, b"stopping")
    Event().wait()
"""


@pytest.mark.parametrize("is_full", [False, True])
def test_a_second_signal_ends_the_process_even_if_its_terminal_takes_no_output(*, is_full: bool) -> None:
    reading, errors = os.pipe()
    if is_full:
        os.set_blocking(errors, False)
        with suppress(BlockingIOError):
            while True:
                os.write(errors, bytes(1 << 16))
        os.set_blocking(errors, True)
    with subprocess.Popen([sys.executable, "-c", STOPPED_TWICE], stdout=subprocess.PIPE, stderr=errors) as process:
        os.close(errors)
        assert process.stdout is not None
        for words in (b"ready", b"stopping"):
            assert process.stdout.read(len(words)) == words
            process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(10) == 143
        finally:
            process.kill()
    with os.fdopen(reading, "rb") as said:
        assert said.read().lstrip(b"\0") == (b"" if is_full else b"warning: aborted; so it goes\n")


def ended_by(script: str, *, ignoring: str) -> tuple[str, str]:
    """Run a script in a process that ignores signals from the start; return what it printed, and its errors."""
    command = ["sh", "-c", f'trap "" {ignoring}; exec "$0" "$@"', sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return ended.stdout, ended.stderr


STOPPED_BY_THE_LAST = """
import os, signal
from metrics.cli.reporting import stopping_on_signals, unwinding_on_signals
with unwinding_on_signals(), stopping_on_signals() as stopping:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)
    stopping.wait()
    print(stopping.exit_code)
"""


def test_ctrl_c_and_sighup_stop_nothing_if_they_are_ignored_from_the_start_as_under_nohup() -> None:
    assert ended_by(STOPPED_BY_THE_LAST, ignoring="INT HUP") == ("143\n", "")


HUNG_UP_TWICE = """
import os, signal, sys
from metrics.cli.reporting import stopping_on_signals, unwinding_on_signals
signal.signal(signal.SIGHUP, signal.SIG_DFL)
with stopping_on_signals() as stopping:
    os.kill(os.getpid(), signal.SIGHUP)
    stopping.wait()
    os.kill(os.getpid(), signal.SIGHUP)
    while signal.SIGHUP in signal.sigpending():
        pass
    print(stopping.exit_code)
try:
    with unwinding_on_signals():
        try:
            os.kill(os.getpid(), signal.SIGHUP)
        finally:
            os.kill(os.getpid(), signal.SIGHUP)
            print("unwound")
except SystemExit as end:
    print(end.code)
"""


def test_a_closed_terminal_sends_a_second_sighup_which_ends_nothing_at_once() -> None:
    assert ended_by(HUNG_UP_TWICE, ignoring="USR1") == ("129\nunwound\n129\n", "")
