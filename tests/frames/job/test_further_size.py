"""A third size of windows on a real broker: its row is added to the table, and all that shows windows shows it."""

import json
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from metrics.frames.producer import generator
from tests.frames.further_sizes import HOUR
from tests.frames.web.test_serve import is_ready, serving
from tests.kafka.application import PROJECT, Application, finish, timeline, wait_until
from tests.reference import count_windows

SIZES_S = (1, 60, HOUR.size_s)


class WithHours(Application):
    """The application whose table of sizes has a row more."""

    def command(self, *arguments: str | Path) -> list[str | Path]:
        return [sys.executable, "-m", "tests.frames.further_sizes", *arguments]


@pytest.fixture
def with_hours(application: Application) -> Application:
    application.variables["PYTHONPATH"] = str(PROJECT)
    application.variables["HOUR_METRICS_OUTPUT_TOPIC"] = application.topic("hours")
    return WithHours(application.bootstrap_servers, application.variables, application.name)


def hours_of(frames: list[bytes]) -> list[dict[str, Any]]:
    """Return the records of hours that a plain count of these frames gives."""
    counted = count_windows({0: timeline(frames)}, SIZES_S, lateness_s=5, gap_limit_s=3600)
    return [
        {"timestamp": start, "unique_users": users, "avg_users_per_hour": average, "num_of_frames": frames_there}
        for start, frames_there, _, _, users, average in counted.windows[HOUR.size_s]
    ]


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in at.items() if name not in ("datetime", "end")} for at in records]


@pytest.mark.slow
def test_a_further_size_needs_only_a_row_in_the_table(with_hours: Application, tmp_path: Path) -> None:
    frames = list(generator.frames(count=9_000, rate=1, users=500, delay_s=90, delay_probability=0.05, seed=3))
    expected = hours_of(frames)
    assert len(expected) == 4
    with_hours.prepare(tmp_path, frames)
    stopped = with_hours.start()
    wait_until(lambda: with_hours.position(0) == len(frames), "all is read")
    stopped.terminate()
    finish(stopped)
    status = with_hours.status()
    assert status["oldest_open_hour"]["start"]["timestamp"] == expected[-1]["timestamp"]
    assert status["published"]["hours"] == 3
    assert "3 one-hour windows published" in with_hours.run("status")
    with_hours.run("--until-end")
    assert without_times(with_hours.records("hours")) == expected

    found = with_hours.answer("verify", "--json")
    assert (found["verdict"], found["compared"]["hours"], found["remarks"]) == ("agrees", 4, [])
    results = list(map(json.loads, with_hours.run("results", "--json").splitlines()))
    assert [at for at in results if "avg_users_per_hour" in at] == with_hours.records("hours")
    hours = list(map(json.loads, with_hours.run("results", "--hours").splitlines()))
    assert hours == with_hours.records("hours")
    assert "hour" in with_hours.run("results", "--csv")
    printed = with_hours.run("count", tmp_path / "frames.jsonl").splitlines()
    counted = [json.loads(line) for line in printed if line.startswith("{")]
    assert [at for at in counted if "avg_users_per_hour" in at] == with_hours.records("hours")
    with serving(with_hours) as (_, client):
        wait_until(lambda: is_ready(client), "it is ready")
        for path in ("/hours", "/windows/1h"):
            assert client.get(path).json()["windows"] == with_hours.records("hours")
        with client.stream("GET", "/stream", headers={"Last-Event-ID": f"{HOUR.size_s}=0"}) as events:
            assert "event: hour" in islice(events.iter_lines(), 10)
        assert "Unique users per hour" in client.get("/frames").text
        assert "/hours" in client.get("/openapi.json").json()["paths"]
