"""The API, asked over HTTP."""

import json
import re
from collections.abc import Iterator
from time import time
from typing import Any

import httpx
import pytest

from metrics.frames.live.view import LiveView
from metrics.frames.records import Record, fields
from metrics.frames.results.read import Result
from metrics.frames.sizes import SIZES, Counts, Size
from metrics.frames.web import answers, openapi, routes
from tests.frames.live.results import T, minute, second
from tests.frames.web.serving import KEEP, Serving, serving
from tests.kafka.application import wait_until

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def served() -> Iterator[Serving]:
    """Serve ten minutes of seconds, of which the one at T + 5 is missing, and their minutes."""
    with serving() as there:
        there.live.add([second(T + at, at) for at in range(600) if at != 5])
        there.live.add([minute(T + 60 * at, at) for at in range(10)])
        yield there


def offsets(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [record["timestamp"] - T for record in answer.json()["windows"]]


def expect_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    problem = dict(answer.json())
    assert (answer.status_code, problem["status"]) == (status, status)
    assert answer.headers["Content-Type"] == PROBLEM
    assert problem["title"]
    assert problem["detail"]
    return problem


def test_without_a_range_the_newest_windows_are_returned_oldest_first(served: Serving) -> None:
    answer = served.client.get("/seconds?limit=3")
    assert offsets(answer) == [597, 598, 599]
    assert {name: value for name, value in answer.json().items() if name != "windows"} == {
        "size_s": 1,
        "has_more": True,
        "kept_from": T,
    }


def test_records_are_returned_as_published(served: Serving) -> None:
    text = served.client.get("/minutes?limit=2").text
    assert text.startswith(
        f'{{"size_s":60,"windows":[{minute(T + 480, 8).value.decode()},{minute(T + 540, 9).value.decode()}]'
    )


def test_with_from_the_oldest_windows_of_the_range_are_returned(served: Serving) -> None:
    answer = served.client.get("/seconds", params={"from": "2016-07-11T13:39:03Z", "limit": 3})
    assert offsets(answer) == [3, 4, 6]
    assert answer.json()["has_more"]
    following = served.client.get("/seconds", params={"from": T + 7, "to": T + 9})
    assert offsets(following) == [7, 8]
    assert not following.json()["has_more"]


def test_with_to_the_newest_windows_before_it_are_returned(served: Serving) -> None:
    assert offsets(served.client.get("/minutes", params={"to": "2016-07-11T15:42:30+02:00", "limit": 2})) == [60, 120]


def test_a_range_may_be_relative_to_now() -> None:
    with serving() as there:
        older, newer = int(time()) - 2_700, int(time()) - 600
        there.live.add([second(older), second(newer)])
        assert offsets(there.client.get("/seconds?from=-30m")) == [newer - T]
        assert offsets(there.client.get("/seconds?from=-1h30m&to=now")) == [older - T, newer - T]
        assert offsets(there.client.get("/seconds?to=-30m")) == [older - T]
        assert offsets(there.client.get("/seconds?from=now")) == []


def test_the_default_limit_is_600_windows() -> None:
    with serving() as there:
        there.live.add([second(T + at) for at in range(700)])
        assert len(offsets(there.client.get("/seconds"))) == 600
        assert len(offsets(there.client.get("/seconds?limit=10000"))) == 700


def test_a_range_without_windows_is_an_empty_answer(served: Serving) -> None:
    for query in ("from=0&to=10", "to=0", f"from={T + 600}"):
        answer = served.client.get(f"/seconds?{query}")
        assert answer.json() == {"size_s": 1, "windows": [], "has_more": False, "kept_from": T}


@pytest.mark.parametrize("size", ["minutes", "60", "60s", "1m"])
def test_a_size_has_several_names(served: Serving, size: str) -> None:
    assert served.client.get(f"/windows/{size}").content == served.client.get("/minutes").content


@pytest.mark.parametrize("size", ["5m", "hours", "0", "60 ", "1e1", "99999999999999999999", "%00"])
def test_an_unknown_size_is_a_problem_that_names_the_known_ones(served: Serving, size: str) -> None:
    problem = expect_problem(served.client.get(f"/windows/{size}"), 404)
    assert "sizes are seconds (1), minutes (60)" in problem["detail"]


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=10001", "limit", "less than or equal to 10000"),
        ("limit=ten", "limit", "whole number"),
        (
            "from=yesterday",
            "from",
            "write it as 2016-07-11T13:39:00Z, 2016-07-11T13:39, 2016-07-11, seconds since the epoch, now, or a",
        ),
        ("to=-1", "to", "in the years 1970 to 9999"),
        ("from=20&to=20", "from", "before `to`"),
        ("format=xml", "format", "'json' or 'csv'"),
        ("form=csv", "form", "Unknown parameter"),
    ],
)
def test_an_invalid_parameter_is_named_with_the_reason(served: Serving, query: str, field: str, reason: str) -> None:
    problem = expect_problem(served.client.get(f"/seconds?{query}"), 422)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert reason in problem["errors"][0]["reason"]


def test_every_invalid_parameter_is_named(served: Serving) -> None:
    problem = expect_problem(served.client.get("/windows/1?limit=0&from=x&to=y"), 422)
    assert [error["field"] for error in problem["errors"]] == ["from", "to", "limit"]


@pytest.mark.parametrize(
    ("accept", "query", "content_type"),
    [
        ("text/csv", "", "text/csv; charset=utf-8"),
        ("text/csv;q=0.4, application/json;q=0.5", "", "application/json"),
        ("application/json;q=0, */*", "", "text/csv; charset=utf-8"),
        ("text/html, */*;q=0.1", "", "application/json"),
        ("text/*", "", "text/csv; charset=utf-8"),
        ("application/json", "&format=csv", "text/csv; charset=utf-8"),
        ("image/png", "&format=json", "application/json"),
        ("", "", "application/json"),
    ],
)
def test_the_format_parameter_takes_precedence_over_accept(
    served: Serving, accept: str, query: str, content_type: str
) -> None:
    answer = served.client.get(f"/seconds?limit=1{query}", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, content_type)


def test_csv_has_a_header_and_a_line_per_window(served: Serving) -> None:
    assert served.client.get("/minutes?limit=2&format=csv").text == (
        "timestamp,datetime,end,unique_users,avg_users_per_minute,num_of_frames,gap_s\n"
        "1468244820,2016-07-11T13:47:00Z,1468244880,8,1.0,8,\n"
        "1468244880,2016-07-11T13:48:00Z,1468244940,9,1.0,9,\n"
    )


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "nonsense"])
def test_an_accept_header_without_json_or_csv_is_a_problem(served: Serving, accept: str) -> None:
    expect_problem(served.client.get("/seconds", headers={"Accept": accept}), 406)


@pytest.mark.parametrize("path", ["/seconds", "/minutes", "/windows/60", "/status", "/stream", "/healthz", "/readyz"])
def test_other_methods_are_refused_with_the_allowed_ones(served: Serving, path: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = served.client.request(method, path)
        expect_problem(answer, 405)
        assert answer.headers["Allow"] == "GET, HEAD"


def test_head_returns_the_headers_of_get_without_a_body(served: Serving) -> None:
    for path in ("/seconds", "/windows/60?format=csv", "/healthz", "/stream", "/seconds?limit=0"):
        head = served.client.head(path)
        with served.client.stream("GET", path) as answer:
            assert (head.status_code, head.headers["Content-Type"]) == (
                answer.status_code,
                answer.headers["Content-Type"],
            )
        assert head.content == b""


def test_an_unknown_path_is_a_problem(served: Serving) -> None:
    assert "/hours" in expect_problem(served.client.get("/hours"), 404)["detail"]


def test_unknown_results_are_a_problem_with_the_cause() -> None:
    live = LiveView(KEEP)
    with serving(live=live) as there:
        for path in ("/seconds", "/windows/60", "/status", "/readyz"):
            expect_problem(there.client.get(path), 503)
        live.report_outage("results", "no broker answers")
        for path in ("/seconds", "/windows/60", "/status", "/readyz"):
            assert expect_problem(there.client.get(path), 503)["detail"] == "no broker answers"
        assert there.client.get("/healthz").json() == {"status": "ok"}


def test_an_internal_error_is_a_problem_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as there:
        there.live._buffers.pop(1)  # what no caller can do
        problem = expect_problem(there.client.get("/seconds"), 500)
        assert "KeyError" not in json.dumps(problem)
        wait_until(lambda: "KeyError" in caplog.text, "it is logged")


def test_the_documentation_loads_nothing_from_other_hosts(served: Serving) -> None:
    page = served.client.get("/docs")
    assert page.status_code == 200
    assert re.findall(r"""(?:src|href|url)\W{1,4}(?:https?:|//)""", page.text) == []
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/static-offline-docs/{name}" in page.text
        assert len(served.client.get(f"/static-offline-docs/{name}").content) > 1_000


def test_every_reference_in_the_openapi_document_resolves(served: Serving) -> None:
    text = served.client.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= set(schemas)
    assert "HTTPValidationError" not in schemas


def test_a_further_size_of_windows_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    quarter = Size("quarter", 900, Counts.USERS, "quarter_output_topic", "users-per-quarter", 10, 100)
    monkeypatch.setattr(routes, "SIZES", (*SIZES, quarter))
    monkeypatch.setitem(openapi._WINDOWS, quarter, answers.Windows[fields(quarter)])  # type: ignore[misc]
    live = LiveView(KEEP | {quarter: 10})
    live.begin([Result(Record(quarter, T, 7, 9, 7.0), b'{"timestamp":1}'), minute(T, 1)])
    with serving(live=live) as there:
        for path in ("/quarters", "/windows/900", "/windows/15m"):
            assert there.client.get(path).json()["windows"] == [{"timestamp": 1}]
        described = there.client.get("/openapi.json").json()["paths"]["/quarters"]["get"]
        assert described["summary"] == quarter.title == "Unique users per quarter"


def test_the_documentation_accepts_head(served: Serving) -> None:
    assert served.client.head("/docs").status_code == served.client.get("/docs").status_code == 200
