"""The health check of a container, as the image runs it, for a job that is healthy, is not, or does not answer."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]


@contextmanager
def job(status: int, text: str) -> Iterator[int]:
    """Answer /healthz; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def check(*arguments: str, **variables: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-m", "metrics.monitoring.container", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_a_job_that_is_well_is_healthy_also_behind_a_proxy(host: str) -> None:
    with job(200, "the loop turns\n") as port:
        assert check(METRICS_PORT=str(port), METRICS_HOST=host, http_proxy="http://127.0.0.1:1") == (0, "")


def test_a_given_port_is_asked_on_this_machine() -> None:
    with job(200, "well\n") as port:
        assert check(str(port), METRICS_HOST="192.0.2.1", METRICS_PORT="1") == (0, "")


def test_what_is_wrong_is_reported_in_the_jobs_own_words() -> None:
    with job(503, "the loop has not turned for 70 s\n") as port:
        assert check(METRICS_PORT=str(port)) == (1, "unhealthy: the loop has not turned for 70 s\n")


def test_a_port_at_which_nobody_answers_is_unhealthy() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        code, output = check(METRICS_PORT=str(port))
    assert (code, output) == (1, f"unhealthy: 127.0.0.1:{port} does not answer: [Errno 111] Connection refused\n")


def test_without_a_port_nothing_is_known() -> None:
    assert check(METRICS_PORT="") == (1, "unhealthy: METRICS_PORT is not set\n")
