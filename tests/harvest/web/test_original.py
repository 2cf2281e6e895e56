"""The routes of the original, over runs that the archive's code has made from frames."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.archive import sorting
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import read_events
from metrics.harvest.core import original
from metrics.harvest.core.event import Event
from metrics.harvest.core.reports import RunEvents, figures_of
from metrics.harvest.web import stored
from tests.harvest.core.timeline import reports
from tests.harvest.web.serving import MINUTE_US, START_US, Sent, expect_problem, message, record, serving

FIRST = [
    Sent("sytflix", "a", "stream-started", message(9, "s1", "17:01:22.000")),
    Sent("sytazon", "b", "show-liked", message(4, "s1", "17:01:22.500", cast=None, release_year=2019, title=None)),
    Sent("sytflix", "c", "stream-finished", message(9, "s1", "17:01:23.000")),
    Sent("sytflix", "d", "show-liked", message(9, "s2", "17:01:24.000", date_of_birth="no date")),
]
SECOND = [
    Sent("sysney", "a", "stream-started", message(4, "s1", "17:02:22.000", first_name="Zoë", last_name=None)),
    Sent("sysney", "b", "stream-ended", message(4, "s1", "17:02:23.000", first_name="Zoë", last_name=None)),
]
ALL_RUNS = ["/user_report", "/recent_shows", "/successful_streams", "/start_events"]


def listed(name: str, date: str, platform: str, show: str, title: str | None, actor: str | None) -> dict[str, object]:
    return {
        "event": name,
        "event_date": f"07-12-2023 {date}",
        "first_actor": actor,
        "show_id": show,
        "show_platform": platform,
        "show_title": title,
    }


OF_9 = [
    listed("stream-started", "17:01:22.000", "Sytflix", "s1", "Show s1", "Ann Lee"),
    listed("stream-finished", "17:01:23.000", "Sytflix", "s1", "Show s1", "Ann Lee"),
    listed("show-liked", "17:01:24.000", "Sytflix", "s2", "Show s2", "Ann Lee"),
]
OF_4 = [listed("show-liked", "17:01:22.500", "Sytazon", "s1", None, None)]
OF_4_LATER = [
    listed("stream-started", "17:02:22.000", "Sysney", "s1", "Show s1", "Ann Lee"),
    listed("stream-ended", "17:02:23.000", "Sysney", "s1", "Show s1", "Ann Lee"),
]


def user(id_: str, name: str, age: str | None, events: list[dict[str, object]]) -> dict[str, object]:
    return {"event_list": events, "user": {"age": age, "user_id": id_, "user_name": name}}


def test_they_cover_all_runs_with_the_shapes_of_the_original(tmp_path: Path) -> None:
    record(tmp_path, FIRST)
    record(tmp_path, SECOND, started_us=START_US + MINUTE_US)
    with serving(tmp_path) as client:
        assert client.get("/user_report").json() == [
            user("4", "Zoë", "39", OF_4 + OF_4_LATER),
            user("9", "Herculie Eadon", None, OF_9),
        ]
        bodies = {path: client.get(path).text for path in ("/recent_shows", "/successful_streams", "/start_events")}
        assert bodies == {
            "/recent_shows": '{"recent_shows":"3"}',
            "/successful_streams": '[{"successful_streams":1.0,"user":4.0},{"successful_streams":1.0,"user":9.0}]',
            "/start_events": '{"start_event_rate(%)":"33.333333333333336"}',
        }


def test_a_parameter_narrows_them_to_one_run(tmp_path: Path) -> None:
    first = record(tmp_path, FIRST).run
    record(tmp_path, SECOND, started_us=START_US + MINUTE_US)
    assert first == "20231207_170121"
    with serving(tmp_path) as client:
        assert client.get(f"/user_report?run={first}").json() == [
            user("4", "Herculie Eadon", "39", OF_4),
            user("9", "Herculie Eadon", None, OF_9),
        ]
        assert client.get("/user_report?run=latest").json() == [user("4", "Zoë", "39", OF_4_LATER)]
        assert client.get("/recent_shows?run=latest").json() == {"recent_shows": "1"}
        assert client.get("/successful_streams?run=latest").json() == [{"successful_streams": 1.0, "user": 4.0}]
        assert client.get("/start_events?run=latest").json() == {"start_event_rate(%)": None}


def test_a_run_that_ends_later_is_in_the_next_answer(tmp_path: Path) -> None:
    record(tmp_path, SECOND)
    with serving(tmp_path) as client:
        assert client.get("/recent_shows").json() == {"recent_shows": "1"}
        assert client.get("/user_report").json() == [user("4", "Zoë", "39", OF_4_LATER)]
        record(tmp_path, FIRST, started_us=START_US + MINUTE_US)
        assert client.get("/recent_shows").json() == {"recent_shows": "3"}
        assert [one["user"]["user_id"] for one in client.get("/user_report").json()] == ["4", "9"]


@pytest.mark.parametrize("path", ALL_RUNS)
def test_without_a_run_they_say_how_to_start_one(tmp_path: Path, path: str) -> None:
    with serving(tmp_path / "nothing yet") as client:
        for query in ("", "?run=latest", "?run=20231207_170121"):
            detail = expect_problem(client.get(path + query), 404)["detail"]
            assert detail == "no run has ended yet; start one: python app.py harvest"
        record(tmp_path / "nothing yet", FIRST)
        assert client.get(path).status_code == 200
        for run in ("20231207_170122", "20231207_170121_2", "../report", "", "LATEST"):
            problem = expect_problem(client.get(path, params={"run": run}), 404)
            assert problem["detail"] == f"no run {run} has ended; /harvest/runs lists those that have"
        assert [error["field"] for error in expect_problem(client.get(f"{path}?runs=latest"), 422)["errors"]] == [
            "runs"
        ]


@pytest.mark.parametrize("path", ["/user_report", "/recent_shows", "/user_report?run=latest"])
def test_head_is_answered_like_get_without_a_body(tmp_path: Path, path: str) -> None:
    record(tmp_path, FIRST)
    with serving(tmp_path) as client:
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["Content-Type"] == client.get(path).headers["Content-Type"] == "application/json"
        refused = expect_problem(client.post(path), 405)
        assert refused["detail"] == f"{path.partition('?')[0]} accepts GET, HEAD only"


def test_without_the_events_of_a_run_answers_over_all_runs_say_how_to_write_them_again(tmp_path: Path) -> None:
    first = record(tmp_path, FIRST).run
    record(tmp_path, SECOND, started_us=START_US + MINUTE_US)
    processed = tmp_path / "processed" / f"processed_{first}.csv"
    events = processed.read_bytes()
    again = f"write it again: python app.py harvest replay {tmp_path}/archive/{first} > {processed}"
    with serving(tmp_path) as client:
        for damage in (None, events[: len(events) // 2]):
            processed.unlink() if damage is None else processed.write_bytes(damage)
            for path in (*ALL_RUNS, f"/harvest/runs/{first}/events"):
                detail = expect_problem(client.get(path), 503)["detail"]
                assert str(processed) in detail
                assert again in detail
            assert client.get("/user_report?run=latest").status_code == 200
            assert client.get(f"/user_report?run={first}").status_code == 200  # the report has its own copy
        processed.write_bytes(events)
        assert client.get("/recent_shows").json() == {"recent_shows": "3"}


def test_answers_over_all_runs_leave_out_no_report_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = record(tmp_path, FIRST).run
    second = record(tmp_path, SECOND, started_us=START_US + MINUTE_US).run
    report = tmp_path / "report" / f"report_{second}.json"
    report.write_text("{bad")
    with serving(tmp_path) as client:
        for path in (*ALL_RUNS, "/recent_shows?run=latest", f"/harvest/runs/{second}", "/harvest/runs/latest"):
            detail = expect_problem(client.get(path), 503)["detail"]
            assert f"{report} is damaged" in detail
            assert "the next harvest writes it again" in detail
        assert client.get(f"/recent_shows?run={first}").json() == {"recent_shows": "2"}
        listing = client.get("/harvest/runs").json()
        assert [run["run"] for run in listing["runs"]] == [first]
        [unreadable] = listing["unreadable"]
        assert unreadable["run"] == second
        assert unreadable["why"] == detail
    assert f"{report} is damaged" in caplog.text


def test_the_latest_run_is_known_if_only_an_earlier_report_cannot_be_read(tmp_path: Path) -> None:
    first = record(tmp_path, FIRST).run
    second = record(tmp_path, SECOND, started_us=START_US + MINUTE_US).run
    (tmp_path / "report" / f"report_{first}.json").write_text("{bad")
    with serving(tmp_path) as client:
        assert client.get("/harvest/runs/latest").json()["run"] == second


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 1_000), most=st.integers(1, 40))
def test_users_in_parts_are_the_users_of_all_runs(
    tmp_path_factory: pytest.TempPathFactory, seed: int, most: int
) -> None:
    folder, random = tmp_path_factory.mktemp("runs"), Random(seed)
    runs = []
    for number in range(3):
        sent = [
            Sent(
                random.choice(["sytflix", "sysney"]),
                f"{number}-{at}",
                random.choice(["stream-started", "stream-ended", "show-liked"]),
                message(random.randrange(12), f"s{random.randrange(3)}", f"17:01:{random.randrange(10, 60)}.000"),
            )
            for at in range(30)
        ]
        runs.append(record(folder, sent, started_us=START_US + number * MINUTE_US))
    whole = reports(
        RunEvents(START_US + number * MINUTE_US, read_events(Folders(folder), run.run))
        for number, run in enumerate(runs)
    )
    with pytest.MonkeyPatch.context() as patched, serving(folder) as client:
        patched.setattr(sorting, "PART_BYTES", most * 300)
        patched.setattr(original, "PART_BYTES", most * 100)
        answers = {path: client.get(path) for path in ("/user_report", "/recent_shows", "/successful_streams")}
    assert answers["/user_report"].content == b"".join(original.user_report(whole.users))
    without = figures_of(whole)
    assert answers["/recent_shows"].content == original.recent_shows(without)
    assert answers["/successful_streams"].content == original.successful_streams(without)


def test_all_runs_are_read_once_for_requests_at_once_and_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, rows = 400, list[Event]()
    sent = [Sent("sytflix", f"{at}", "show-liked", message(at % 7, "s1", "17:01:22.000")) for at in range(count)]
    record(tmp_path, sent)

    def counted(folders: Folders, run: str) -> Iterator[Event]:
        for event in read_events(folders, run):
            rows.append(event)
            yield event

    monkeypatch.setattr(stored, "read_events", counted)
    monkeypatch.setattr(sorting, "PART_BYTES", 4_000)
    monkeypatch.setattr(original, "PART_BYTES", 100)
    with serving(tmp_path) as client, ThreadPoolExecutor(4) as threads:
        answers = [*threads.map(client.get, ["/user_report"] * 4 + ["/recent_shows", "/user_report"])]
        assert {answer.status_code for answer in answers} == {200}
        assert answers[0].content == answers[1].content == answers[5].content
        assert len(rows) == count
        record(tmp_path, FIRST, started_us=START_US + MINUTE_US)
        assert len(client.get("/user_report").json()) == 8
        assert len(rows) == 2 * count + len(FIRST)


def test_a_report_with_damaged_users_is_a_problem_and_not_half_an_answer(tmp_path: Path) -> None:
    run = record(tmp_path, FIRST).run
    report = tmp_path / "report" / f"report_{run}.json"
    report.write_text(report.read_text().replace('"id": 4', '"id": "four"'))
    with serving(tmp_path) as client:
        for path in (f"/user_report?run={run}", f"/harvest/runs/{run}/users"):
            assert (
                f"report_{run}.json is not a report of this version" in expect_problem(client.get(path), 503)["detail"]
            )
        assert client.get("/user_report").status_code == 200
