"""A session of an SQL gateway: what it leaves there, on a real Flink; and which error its user sees.

For errors, a real HTTP server with fixed answers is the gateway, or what answers at its address.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from metrics.frames.flink import local_cluster
from metrics.frames.flink.gateway import Gateway, cause, session
from metrics.wording.errors import FlinkError
from tests.frames.flink.cluster import STOP_TIMEOUT_S, Cluster
from tests.java.owner import closed_port


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
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as the base class names it
        """Log nothing."""


class _Files(SimpleHTTPRequestHandler):
    """What `python -m http.server` serves."""

    log_message = _Answers.log_message


def _api(status: int, body: dict[str, object]) -> type[BaseHTTPRequestHandler]:
    """Return an API in JSON that has no sessions."""

    class _Api(_Answers):
        def do_POST(self) -> None:
            self._answer(status, body)

    return _Api


@contextmanager
def served(answers: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    with served(_Answers) as url:
        yield url


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


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (_Files, "it answers with HTTP status 501, text/html;charset=utf-8"),
        (_api(404, {"errors": ["Not found: /v2/sessions"]}), "it answers with HTTP status 404, application/json"),
        (_api(422, {"detail": "wrong"}), "it answers with HTTP status 422, application/json"),
        (_api(200, {}), "it answers with HTTP status 200, application/json"),
    ],
    ids=["files", "an API with errors", "another API", "anything"],
)
def test_a_server_that_is_no_gateway_is_said_to_answer(answers: type[BaseHTTPRequestHandler], why: str) -> None:
    with served(answers) as url, pytest.raises(FlinkError) as refused, session(url):
        pass
    assert refused.value.what == f"{url} is not an SQL gateway of Flink"
    assert refused.value.why == why
    assert refused.value.hint.startswith(
        "FLINK_URL must be the address of an SQL gateway: its REST endpoint, port 8083"
    )


@pytest.mark.flink
def test_a_job_manager_is_no_gateway(flink: Cluster) -> None:
    url = local_cluster.rest_url(flink.folder)
    assert url is not None
    with pytest.raises(FlinkError, match=f"{url} is not an SQL gateway of Flink"), session(url):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "no..name:8083"])
def test_a_gateway_that_cannot_be_reached_does_not_answer(address: str) -> None:
    url = f"http://{address.format(port=closed_port())}"
    with pytest.raises(FlinkError, match=f"the SQL gateway {url} does not answer"), session(url):
        pass


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
