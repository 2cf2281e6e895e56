"""Flink's SQL gateway: statements over HTTP, each with its result."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import httpx

from metrics.time.deadline import Deadline
from metrics.wording.errors import FlinkError

ANSWER_TIMEOUT_S = 30.0
_LOOK_S = 0.05
_ALIVE_LOOK_S = 1.0  # at Flink's processes: Flink itself waits for a dead job manager for minutes
_REMOTE = "<Exception on server side:"


class Answer(NamedTuple):
    """Answer to one statement.

    Attributes:
        rows: each with its values by the columns' names.
        job_id: of the job that it started; None if it started none.
    """

    rows: list[dict[str, Any]]
    job_id: str | None


class Gateway:
    """Session of an SQL gateway.

    Args:
        url: of the gateway, such as `http://127.0.0.1:8083`.
        require_alive: called while an answer is awaited, and if it is an error or none; raises a FlinkError with why.
    """

    def __init__(self, client: httpx.Client, url: str, require_alive: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._url = url
        self._require_alive = require_alive
        self._next_look = Deadline(_ALIVE_LOOK_S)
        self._session = ""

    def open(self) -> None:
        """Open the session.

        Raises:
            FlinkError: the gateway does not answer, or refuses; or something else answers.
        """
        self._session = self._call("POST", "/v2/sessions", "sessionHandle", {})["sessionHandle"]

    def close(self) -> None:
        """Close the session; jobs continue."""
        self._call("DELETE", f"/v2/sessions/{self._session}", "status")

    def run(self, statement: str) -> Answer:
        """Run a statement, and wait for its result.

        Raises:
            FlinkError: Flink refuses it, or the gateway does not answer.
        """
        session = f"/v2/sessions/{self._session}"
        handle = self._call("POST", f"{session}/statements", "operationHandle", {"statement": statement})[
            "operationHandle"
        ]
        operation = f"{session}/operations/{handle}"
        try:
            return self._result(operation)
        finally:
            # The gateway keeps each in memory until it is closed: a job that is awaited for a day takes 400,000.
            with suppress(FlinkError):  # it is closed with the session at the latest
                self._call("DELETE", f"{operation}/close", "status")

    def _result(self, operation: str) -> Answer:
        rows: list[dict[str, Any]] = []
        job_id: str | None = None
        uri = f"{operation}/result/0?rowFormat=JSON"
        while (answer := self._call("GET", uri, "resultType"))["resultType"] != "EOS":
            if answer["resultType"] == "NOT_READY":
                if self._next_look.has_passed():
                    self._require_alive()
                    self._next_look.renew()
                time.sleep(_LOOK_S)
                continue
            job_id = answer.get("jobID") or job_id
            names = [column["name"] for column in answer["results"]["columns"]]
            rows += [dict(zip(names, row["fields"], strict=True)) for row in answer["results"]["data"]]
            uri = answer["nextResultUri"]
        return Answer(rows, job_id)

    def _call(self, method: str, path: str, field: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Return the answer to a request, which has at least the field."""
        try:
            response = self._client.request(method, self._url + path, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            self._require_alive()
            raise FlinkError(
                f"the SQL gateway {self._url} does not answer",
                why=str(error) or type(error).__name__,
                hint="start it, or correct FLINK_URL; without FLINK_URL, a local Flink is started",
            ) from error
        answer = _decoded(response)
        # The job manager answers like the gateway, but knows no sessions. The gateway's own errors have the status 500.
        if ("errors" if response.is_error else field) not in answer or response.status_code == httpx.codes.NOT_FOUND:
            kind = response.headers.get("content-type", "without a content type")
            raise FlinkError(
                f"{self._url} is not an SQL gateway of Flink",
                why=f"it answers with HTTP status {response.status_code}, {kind}",
                hint="FLINK_URL must be the address of an SQL gateway: its REST endpoint, port 8083 by default",
            )
        if response.is_error:
            self._require_alive()
            raise FlinkError(f"the SQL gateway {self._url} refuses", why=cause("\n".join(answer["errors"])))
        return answer


def _decoded(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a response; an empty one if it has none."""
    with suppress(ValueError):
        if isinstance(answer := response.json(), dict):
            return answer
    return {}


def cause(text: str) -> str:
    """Return the innermost cause of a Java stack trace, which names what is wrong.

    A cause on the other side of a REST call begins on the line after the one that says so.
    """
    lines = text.splitlines()
    causes = [number for number, line in enumerate(lines) if line.startswith("Caused by: ")]
    if not causes:
        return text.split("\n", 1)[0]
    is_remote = lines[causes[-1]].endswith(_REMOTE)
    return lines[causes[-1] + is_remote].removeprefix("Caused by: ")


@contextmanager
def session(url: str, require_alive: Callable[[], None] = lambda: None) -> Iterator[Gateway]:
    """Open a session for the duration of the context.

    Args:
        require_alive: as for `Gateway`.

    Raises:
        FlinkError: the gateway does not answer, or refuses.
    """
    with httpx.Client(timeout=ANSWER_TIMEOUT_S) as client:
        gateway = Gateway(client, url.rstrip("/"), require_alive)
        gateway.open()
        try:
            yield gateway
        except BaseException:
            with suppress(FlinkError):  # the first error is the cause
                gateway.close()
            raise
        gateway.close()
