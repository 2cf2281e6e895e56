"""A session of an SQL gateway: what it leaves there, on a real Flink; and which error its user sees.

For errors, the gateway is a real HTTP server with fixed answers.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from metrics.errors import FlinkError
from metrics.frames.flink.gateway import Gateway, cause, session
from tests.frames.flink.cluster import STOP_TIMEOUT_S, Cluster


class _Answers(BaseHTTPRequestHandler):
    """A gateway that opens sessions, and refuses to close them and to run statements."""

    def do_POST(self) -> None:
        if self.path == "/v2/sessions":
            self._answer(200, {"sessionHandle": "one"})
        else:
            self._answer(500, {"errors": ["Internal server error.", "Caused by: the statement is refused"]})

    def do_DELETE(self) -> None:
        self._answer(500, {"errors": ["Internal server error.", "Caused by: the session cannot be closed"]})

    def _answer(self, status: int, body: dict[str, object]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class names it
        """Log nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.flink
@pytest.mark.parametrize("statement", ["SHOW JOBS", "SELECT no_column FROM no_table"])
def test_the_gateway_no_longer_knows_a_statement_whose_result_was_read(flink: Cluster, statement: str) -> None:
    operations = list[str]()

    def note(response: httpx.Response) -> None:
        response.read()
        path = response.request.url.path
        if path.endswith("/statements"):
            operations.append(path.removesuffix("statements") + f"operations/{response.json()['operationHandle']}")

    with httpx.Client(timeout=STOP_TIMEOUT_S, event_hooks={"response": [note]}) as client:
        gateway = Gateway(client, flink.url)
        gateway.open()
        with suppress(FlinkError):  # the second one is refused
            gateway.run(statement)
        [operation] = operations
        assert "Can not find the submitted operation" in client.get(f"{flink.url}{operation}/status").text
        gateway.close()


def test_an_error_is_not_replaced_by_that_of_closing_the_session_after_it(url: str) -> None:
    with pytest.raises(FlinkError) as refused, session(url) as gateway:
        gateway.run("SELECT 1")
    assert refused.value.why == "the statement is refused"


def test_a_session_that_cannot_be_closed_is_an_error_if_it_is_the_only_one(url: str) -> None:
    with pytest.raises(FlinkError) as refused, session(url):
        pass
    assert refused.value.why == "the session cannot be closed"


def test_a_cause_on_the_other_side_of_a_call_is_not_hidden_by_the_call() -> None:
    call = "RestClientException: [Internal server error., <Exception on server side:"
    trace = [
        "Internal server error.",
        "Caused by: Failed to submit.",
        f"Caused by: {call}",
        "Duplicate: submitted.",
        "",
    ]
    assert cause("\n".join([*trace, "End of exception on server side>]"])) == "Duplicate: submitted."
    assert cause("\n".join([*trace, "Caused by: the innermost", "End of exception"])) == "the innermost"
    assert cause("no trace\nat all") == "no trace"
