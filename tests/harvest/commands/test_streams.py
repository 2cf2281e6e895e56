"""`harvest streams`, as its user runs it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harvest.simulator.raw_client import RawClient

PROJECT = Path(__file__).parents[3]
COMMAND = [sys.executable, str(PROJECT / "app.py"), "harvest", "streams"]


@contextmanager
def running(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the command, and yield its process and the lines that it printed."""
    with subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        env=os.environ | variables,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, [process.stdout.readline() for _ in range(2)]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_with_0(number: signal.Signals) -> None:
    with running("--seed", "4") as (process, (first, second)):
        (url,) = re.findall(r"^local streams at (\S+/): sytflix, sytazon, sysney; seed 4; Ctrl-C ends$", first)
        assert second == f"to read them: STREAM_ENDPOINT={url} STREAM_PASSWORD=sytac python app.py harvest\n"
        with RawClient(url, "sysney") as client:
            assert client.read(frames=1).startswith(b"id:")
            process.send_signal(number)
            assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_a_password_that_is_set_is_needed_and_not_printed() -> None:
    variables = {"STREAM_USER": "kim", "STREAM_PASSWORD": "hunter2", "STREAM_ENDPOINT": "not an address"}
    with running("--malformed", "1", **variables) as (process, lines):
        (url,) = re.findall(r"STREAM_ENDPOINT=(\S+) STREAM_USER=kim STREAM_PASSWORD=… ", lines[1])
        with RawClient(url, "sysney") as client:
            assert client.status == 401
        with RawClient(url, "sysney", credentials="kim:hunter2") as client:
            assert client.status == 200
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert "hunter2" not in "".join(lines) + output + errors


def test_a_used_port_is_no_traceback() -> None:
    with running() as (_, (first, _)):
        (port,) = re.findall(r":(\d+)/", first)
        second = subprocess.run([*COMMAND, "--port", port], capture_output=True, text=True, check=False)
    assert second.returncode == 2
    assert second.stderr == (
        f"error: cannot bind to 127.0.0.1:{port}\nwhy: Address already in use\n"
        "hint: choose another port: python app.py harvest streams --port 0 picks a free one\n"
    )
