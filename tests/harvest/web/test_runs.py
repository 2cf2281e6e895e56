"""Runs, their users and their events, over runs that the archive's code has made from frames."""

import csv
import io
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest

from metrics.harvest.archive import row_starts, runs
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.archive.runs import NoRunError
from metrics.harvest.core.event import Event
from metrics.harvest.core.rows import event_of
from metrics.harvest.web import answers
from metrics.harvest.web import stored as of_stored
from tests.harvest.web.serving import MINUTE_US, START_US, Sent, expect_problem, message, record, serving, wrong_fields

EVENTS = [
    Sent("sytflix", "a", "stream-started", message(9, "s1", "17:01:22.000", director=None, country="US")),
    Sent("sytflix", "b", "stream-finished", message(4, "s1", "17:01:22.000", release_year="2021x")),
    Sent("sysney", "", "show-liked", message(7, "s2", "17:01:21.750", cast='Zoë "Z", Bob')),
]
RUN = "20231207_170121"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert record(tmp_path, EVENTS).run == RUN
    return tmp_path


def test_runs_are_listed_by_their_start_and_read_on_page_by_page(tmp_path: Path) -> None:
    starts = [START_US, START_US + 2 * MINUTE_US, START_US + MINUTE_US, START_US + 100_000]
    runs = [record(tmp_path, EVENTS, started_us=start).run for start in starts]
    assert runs[3] == f"{RUN}_2"
    with serving(tmp_path) as client:
        listing = client.get("/harvest/runs").json()
        newest_first = [runs[1], runs[2], runs[3], runs[0]]
        assert [run["run"] for run in listing["runs"]] == newest_first
        assert (listing["has_more"], listing["running"]) == (False, None)
        first = client.get("/harvest/runs?limit=3").json()
        assert ([run["run"] for run in first["runs"]], first["has_more"]) == (newest_first[:3], True)
        rest = client.get(f"/harvest/runs?limit=3&before={newest_first[2]}").json()
        assert ([run["run"] for run in rest["runs"]], rest["has_more"]) == (newest_first[3:], False)
        expect_problem(client.get("/harvest/runs?before=20231207_170120"), 404)
        assert {*wrong_fields(client.get("/harvest/runs?limit=0&after=1"))} == {"limit", "after"}


def test_reading_on_before_a_run_that_cannot_be_read_or_was_removed_is_a_problem(folder: Path) -> None:
    with serving(folder) as client:
        assert len(client.get("/harvest/runs").json()["runs"]) == 1
        (folder / "report" / "report_20250101_000000.json").write_text("{bad")
        problem = expect_problem(client.get("/harvest/runs?before=20250101_000000"), 503)
        assert "report_20250101_000000.json is damaged" in problem["detail"]
        (folder / "report" / f"report_{RUN}.json").unlink()
        assert f"no run {RUN} has ended" in expect_problem(client.get(f"/harvest/runs?before={RUN}"), 404)["detail"]


@pytest.mark.parametrize("path", ["/harvest/runs/latest", f"/recent_shows?run={RUN}", f"/harvest/runs?before={RUN}"])
def test_a_report_that_is_removed_while_it_is_asked_for_is_no_run(
    folder: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(_: Folders, run: str) -> NoReturn:
        raise NoRunError(f"there is no run {run}")

    monkeypatch.setattr(of_stored, "read_head", removed)
    monkeypatch.setattr(of_stored, "read_report", removed)
    with serving(folder) as client:
        assert "run" in expect_problem(client.get(path), 404)["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/harvest/runs/latest?x=1"),
        ("GET", "/harvest/stream?x=1"),
        ("HEAD", "/harvest/stream?x=1"),
        ("POST", "/harvest/runs?x=1"),
        ("POST", f"/harvest/runs/{RUN}/stop?x=1"),
    ],
)
def test_parameters_of_routes_that_have_none_are_refused(folder: Path, method: str, path: str) -> None:
    with serving(folder) as client:
        refused = client.request(method, path)
        assert refused.status_code == 422
        assert method == "HEAD" or {*wrong_fields(refused)} == {"x"}


@pytest.mark.parametrize("path", ["?limit=1_0", "/latest/users?after=1_0", "/latest/events?after=1_0"])
def test_numbers_are_digits_only(folder: Path, path: str) -> None:
    with serving(folder) as client:
        assert [*wrong_fields(client.get(f"/harvest/runs{path}")).values()] == [
            "Must be a whole number, in digits only"
        ]


def test_the_document_of_the_api_says_what_comes(folder: Path) -> None:
    with serving(folder) as client:
        document = client.get("/openapi.json").json()
    parameters = document["paths"]["/harvest/runs"]["get"]["parameters"]
    [limit] = [one["schema"] for one in parameters if one["name"] == "limit"]
    assert (limit["minimum"], limit["maximum"]) == (1, 1_000)
    for path in ("/harvest/runs", "/harvest/runs/{run}/stop"):
        responses = document["paths"][path]["post"]["responses"]
        assert "200" not in responses
        assert responses["202"]["description"].startswith("the run ")
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        texts = [schema["description"], *(one.get("description", "") for one in schema["properties"].values())]
        assert not [text for text in texts if "None" in text or "Attributes" in text], name
    assert schemas["FinishedRun"]["properties"]["lasted_s"]["description"] == "seconds from start to stop"


def test_without_runs_the_list_is_empty(tmp_path: Path) -> None:
    with serving(tmp_path / "none") as client:
        assert client.get("/harvest/runs").json() == {
            "runs": [],
            "has_more": False,
            "unreadable": [],
            "running": None,
        }
        assert "python app.py harvest" in expect_problem(client.get("/harvest/runs/latest"), 404)["detail"]
    assert not (tmp_path / "none").exists()


def test_a_run_is_its_report_without_users(folder: Path) -> None:
    with serving(folder) as client:
        run = client.get("/harvest/runs/latest").json()
        assert run == client.get(f"/harvest/runs/{RUN}").json()
        streams = run.pop("streams")
        assert run == {
            "state": "finished",
            "run": RUN,
            "started_at": "2023-12-07T16:01:21.500Z",
            "started": "07-12-2023 17:01:21.500",
            "stopped_at": "2023-12-07T16:01:41.500Z",
            "stopped": "07-12-2023 17:01:41.500",
            "stopped_by": "time",
            "lasted_s": 20.0,
            "seconds": 20.0,
            "name": "Sytac",
            "times": 3,
            "name_seen": 0,
            "events": 3,
            "users": 3,
            "recent_shows": 2,
            "successful_streams": [],
            "started_share": 50.0,
            "platforms_by_country": [],
        }
        assert [(one["platform"], one["events"], one["listened_ms"]) for one in streams] == [
            ("Sytflix", 2, 20_000),
            ("Sytazon", 0, 20_000),
            ("Sysney", 1, 20_000),
        ]


def test_users_are_read_page_by_page(folder: Path) -> None:
    with serving(folder) as client:
        users = client.get(f"/harvest/runs/{RUN}/users").json()
        assert ([user["id"] for user in users["users"]], users["has_more"]) == ([4, 7, 9], False)
        assert users["users"][1] == {
            "id": 7,
            "name": "Herculie Eadon",
            "age": 39,
            "events": [
                {
                    "event": "show-liked",
                    "platform": "Sysney",
                    "show_id": "s2",
                    "title": "Show s2",
                    "first_actor": 'Zoë "Z"',
                    "instant": "2023-12-07T16:01:21.750Z",
                    "amsterdam": "07-12-2023 17:01:21.750",
                }
            ],
        }
        first = client.get("/harvest/runs/latest/users?limit=2").json()
        assert ([user["id"] for user in first["users"]], first["has_more"]) == ([4, 7], True)
        rest = client.get("/harvest/runs/latest/users?limit=2&after=7").json()
        assert ([user["id"] for user in rest["users"]], rest["has_more"]) == ([9], False)
        assert client.get("/harvest/runs/latest/users?after=8").json() == rest


def test_events_are_read_page_by_page_with_numbers_as_numbers(folder: Path) -> None:
    with serving(folder) as client:
        events = client.get(f"/harvest/runs/{RUN}/events").json()
        assert [event["id"] for event in events["events"]] == [None, "b", "a"]  # by instant; a is in Los Angeles
        assert events["has_more"] is False
        assert events["events"][2] == {
            "number": 3,
            "id": "a",
            "event": "stream-started",
            "platform": "Sytflix",
            "instant": "2023-12-08T01:01:22.000Z",
            "amsterdam": "08-12-2023 02:01:22.000",
            "event_date": "07-12-2023 17:01:22.000",
            "received_at": "2023-12-07T16:01:21.501000Z",
            "position": "sytflix-1:1",
            "show": {
                "show_id": "s1",
                "title": "Show s1",
                "type": None,
                "release_year": 2021,
                "cast": "Ann Lee, Bob Ray",
                "country": None,
                "director": None,
                "date_added": None,
                "description": None,
                "duration": None,
                "listed_in": None,
                "rating": None,
            },
            "user": {
                "id": 9,
                "first_name": "Herculie",
                "last_name": "Eadon",
                "date_of_birth": "29/02/1984",
                "email": None,
                "gender": None,
                "ip_address": None,
                "country": "US",
            },
        }
        assert events["events"][1]["show"]["release_year"] is None
        pages = [client.get(f"/harvest/runs/latest/events?limit=2&after={after}").json() for after in (0, 2, 10**15)]
        assert [[event["number"] for event in page["events"]] for page in pages] == [[1, 2], [3], []]
        assert [page["has_more"] for page in pages] == [True, False, False]


def test_a_page_of_events_costs_its_own_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_stored, "EVERY", 10)
    monkeypatch.setattr(row_starts, "EVERY", 10)
    title = 'a "b"\r\nc'
    record(
        tmp_path,
        [Sent("sytflix", f"{n}", "show-liked", message(n, "s1", "17:01:22.000", title=title)) for n in range(95)],
    )
    decoded = Counter[str]()

    def counting(row: list[str]) -> Event:
        decoded["rows"] += 1
        return event_of(row)

    with serving(tmp_path) as client:
        client.get("/harvest/runs/latest/events?after=50")
        monkeypatch.setattr(runs, "event_of", counting)
        for after in (89, 88, 80, 79, 0, 94, 95, 1_000):
            decoded.clear()
            page = client.get(f"/harvest/runs/latest/events?limit=6&after={after}").json()
            expected = range(after + 1, min(after + 6, 95) + 1)
            assert [(event["number"], event["user"]["id"]) for event in page["events"]] == [
                (n, n - 1) for n in expected
            ]
            assert page["has_more"] is (after + 6 < 95)
            assert {event["show"]["title"] for event in page["events"]} <= {title}
            assert decoded["rows"] <= 10 + 6


def test_a_page_is_bounded_by_its_size_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_PAGE_BYTES", 2_500)
    record(tmp_path, [Sent("sytflix", f"{n}", "show-liked", message(n // 5, "s1", "17:01:22.000")) for n in range(20)])
    with serving(tmp_path) as client:
        for kind, key in (("events", "number"), ("users", "id")):
            after, seen = -1 if kind == "users" else 0, []
            has_more = True
            while has_more:
                answer = client.get(f"/harvest/runs/latest/{kind}?limit=1000&after={after}")
                assert len(answer.content) < 2_600
                page = answer.json()
                seen += [item[key] for item in page[kind]]
                after, has_more = seen[-1], page["has_more"]
            assert seen == ([0, 1, 2, 3] if kind == "users" else [*range(1, 21)])
        monkeypatch.setattr(answers, "MAX_PAGE_BYTES", 1)
        assert len(client.get("/harvest/runs/latest/users").json()["users"]) == 1


def test_events_as_csv_are_the_bytes_of_the_processed_file(folder: Path) -> None:
    stored = (folder / "processed" / f"processed_{RUN}.csv").read_bytes()
    path = f"/harvest/runs/{RUN}/events"
    with serving(folder) as client:
        by_parameter = client.get(f"{path}?format=csv")
        by_header = client.get(path, headers={"Accept": "text/csv"})
        assert by_parameter.content == by_header.content == stored
        assert by_parameter.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert by_parameter.headers["Content-Disposition"] == f'attachment; filename="processed_{RUN}.csv"'
        assert len([*csv.reader(io.StringIO(by_parameter.text, newline=""))]) == 1 + len(EVENTS)
        head = client.head(f"{path}?format=csv")
        assert (head.content, head.headers["Content-Length"]) == (b"", f"{len(stored)}")
        expect_problem(client.get(path, headers={"Accept": "image/png"}), 406)
        assert client.get(f"{path}?format=csv", headers={"Range": "bytes=900000-"}).status_code == 200


@pytest.mark.parametrize("rest", ["", "/users", "/events", "/events?format=csv"])
def test_an_unknown_run_is_a_problem(folder: Path, rest: str) -> None:
    with serving(folder) as client:
        for run in ("20231207_170122", "first", "20231207_170121.json", "%2e%2e%2freport"):
            expect_problem(client.get(f"/harvest/runs/{run}{rest}"), 404)


@pytest.mark.parametrize("path", ["", f"/{RUN}", "/latest/users", "/latest/events"])
def test_only_the_methods_of_a_path_are_accepted(folder: Path, path: str) -> None:
    with serving(folder) as client:
        address = f"/harvest/runs{path}"
        head, got = client.head(address), client.get(address)
        assert (head.status_code, head.content, head.headers["Content-Type"]) == (200, b"", got.headers["Content-Type"])
        refused = client.request("DELETE", address)
        expect_problem(refused, 405)
        assert refused.headers["Allow"] == ("GET, HEAD, POST" if path == "" else "GET, HEAD")


def test_reports_that_are_kept_are_few_and_never_outdated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = (folder / "report" / f"report_{RUN}.json").stat().st_size
    monkeypatch.setattr(of_stored, "MAX_CACHED_BYTES", 2 * size + size // 2)
    runs = [RUN, *(record(folder, EVENTS, started_us=START_US + at * MINUTE_US).run for at in (1, 2, 3))]
    kept = of_stored.Stored(Folders(folder))
    for run in runs:
        assert kept.report(run).run == run
    assert [run for run, _ in kept._reports] == runs[2:]
    assert kept.report(runs[3]) is kept.report(runs[3])
    path = folder / "report" / f"report_{runs[3]}.json"
    path.write_bytes(path.read_bytes().replace(b'"Herculie Eadon"', b'"Ann Lee"'))
    assert {user.name for user in kept.report(runs[3]).reports.users} == {"Ann Lee"}


def test_too_many_requests_at_once_are_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_stored, "AT_ONCE", 0)
    monkeypatch.setattr(of_stored, "WAIT_S", 0.05)
    with serving(folder) as client:
        for path in ("/user_report", "/harvest/runs", "/harvest/runs/latest", "/harvest/runs/latest/events"):
            answer = client.get(path)
            assert "being read for other requests" in expect_problem(answer, 503)["detail"]
            assert answer.headers["Retry-After"] == "10"


def test_the_folder_may_be_in_use_by_another_process(folder: Path) -> None:
    with lock_folder(Folders(folder)), serving(folder) as client:
        assert client.get("/harvest/runs/latest").status_code == 200


def test_a_token_is_needed_for_every_route(folder: Path) -> None:
    with serving(folder, token="secret") as client:
        for path in ("/user_report", "/harvest/runs", "/harvest/runs/latest/events?format=csv", "/harvest/stream"):
            expect_problem(client.get(path), 401)
            allowed = {"Authorization": "Bearer secret"}
            with client.stream("GET", path, headers=allowed) as answer:
                assert answer.status_code == 200
