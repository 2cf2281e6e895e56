"""The state of runs in words."""

import asyncio
from pathlib import Path

import msgspec

from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.runs import Listing
from metrics.harvest.core.run_report import RunHead, StreamReport
from metrics.harvest.listening.progress import Progress, StreamProgress
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.web.figures import state
from metrics.harvest.web.page import failure, page
from metrics.harvest.web.running import Runner, Snapshot
from metrics.harvest.web.stored import Stored
from metrics.web.glance import Condition, Glance, Thresholds
from metrics.wording.errors import FileError, MetricsError
from tests.harvest.web.serving import MINUTE_US, START_US, record

LIMITS = Thresholds(1, 10)  # percent
NO_RUNS = Listing([], {})
DAMAGED = FileError("the report is damaged")


def stream(name: str, malformed: int = 0, of: int = 100, state: str = "open") -> StreamProgress:
    fields = {"stream": name, "state": state, "frames": of, "events": of - malformed, "malformed": malformed}
    return msgspec.convert(fields | {"repeated": 0, "bytes": 1, "is_silent": False, "why": None}, StreamProgress)


def running(*streams: StreamProgress) -> Progress:
    return Progress(run="20261129_120000", seconds_left=9, name="A", times=3, name_seen=0, streams=[*streams])


def ended(stopped_by: str = "time", malformed: int = 0, outcome: str = "read") -> RunHead:
    """Return a run with three streams of 100 frames, of which one had malformed ones, and one an outcome."""
    streams = [
        StreamReport(
            stream=platform.lower(),
            platform=platform,
            outcome=outcome if platform == "Sysney" else "read",  # type: ignore[arg-type]
            why=None,
            connections=1,
            listened_ms=1_000,
            listened_s=1,
            frames=100,
            events=100 - number,
            repeated=0,
            malformed={"json": number} if number else {},
            bytes=1,
        )
        for platform, number in (("Sytflix", malformed), ("Sytazon", 0), ("Sysney", 0))
    ]
    at = "2026-11-29T12:00:00.000Z"
    times = {"started_at": at, "started": at, "stopped_at": at, "stopped": at, "lasted_s": 1.0, "seconds": 1.0}
    rest = {"run": "1", "stopped_by": stopped_by, "name": "A", "times": 3, "name_seen": 0, "events": 300 - malformed}
    return RunHead(**times, **rest, streams=streams)  # type: ignore[arg-type]


def runs(*heads: RunHead, unreadable: str = "") -> Listing:
    """Return runs, the newest first, and one whose report cannot be read."""
    return Listing(heads, {unreadable: DAMAGED} if unreadable else {})


def test_a_run_in_progress_names_streams_that_are_away_and_those_with_many_malformed_frames() -> None:
    well = running(stream("sytflix"), stream("sytazon", 2), stream("sysney", 3, 1_000))
    assert state(well, None, NO_RUNS, LIMITS) == (Condition.GOOD, "Run in progress")
    away = running(stream("sytflix"), stream("sytazon", state="waiting"), stream("sysney", state="refused"))
    assert state(away, None, NO_RUNS, LIMITS) == (
        Condition.WARNING,
        "Run in progress; Sytazon and Sysney away or refused",
    )
    bad = running(stream("sytflix", 3), stream("sytazon"), stream("sysney", 29))
    assert state(bad, None, runs(ended()), LIMITS) == (
        Condition.BAD,
        "Run in progress; many malformed frames from Sytflix and Sysney",
    )


def test_without_one_the_last_run_decides() -> None:
    assert state(None, None, NO_RUNS, LIMITS) == (Condition.UNKNOWN, "No runs yet")
    assert state(None, None, runs(ended()), LIMITS) == (Condition.GOOD, "The last run read all streams")
    assert state(None, None, runs(ended(malformed=3)), LIMITS) == (
        Condition.WARNING,
        "The last run read all streams; many malformed frames from Sytflix",
    )
    assert state(None, None, runs(ended(outcome="away")), LIMITS) == (Condition.BAD, "The last run missed Sysney")
    assert state(None, None, runs(ended("killed")), LIMITS) == (Condition.WARNING, "The last run was killed")
    assert state(None, None, runs(ended("killed", 90)), LIMITS) == (
        Condition.BAD,
        "The last run was killed; many malformed frames from Sytflix",
    )
    assert state(None, MetricsError("no space"), runs(ended()), LIMITS) == (Condition.BAD, "The last run failed")


def test_of_a_newest_run_whose_report_cannot_be_read_nothing_is_known() -> None:
    older = msgspec.structs.replace(ended(), run="20261129_120000")
    unknown = Condition.BAD, "The newest report cannot be read"
    assert state(None, None, runs(older, unreadable="20261129_120001"), LIMITS) == unknown
    assert state(None, None, runs(unreadable="20261129_120001"), LIMITS) == unknown
    assert state(None, None, runs(older, unreadable="20261129_115959"), LIMITS) == (
        Condition.GOOD,
        "The last run read all streams",
    )


def test_the_overview_has_no_number_of_a_run_older_than_one_that_cannot_be_read(tmp_path: Path) -> None:
    record(tmp_path, [])
    newest = record(tmp_path, [], started_us=START_US + MINUTE_US)
    report = tmp_path / "report" / f"report_{newest.run}.json"
    text = report.read_text()
    for written, condition, number in ((text[:100], Condition.BAD, "-"), (text, Condition.GOOD, "0")):
        report.write_text(written)
        glance = page(Runner(HarvestSettings(harvest_dir=f"{tmp_path}")), Stored(Folders(tmp_path)), LIMITS).glance
        assert glance is not None
        seen: Glance = asyncio.run(glance())  # type: ignore[arg-type]
        assert (seen.state.condition, seen.number) == (condition, number)


def test_few_of_each_stream_may_be_many_of_all() -> None:
    each = running(stream("sytflix", 2), stream("sytazon", 2), stream("sysney", 2))
    assert state(each, None, NO_RUNS, LIMITS) == (Condition.WARNING, "Run in progress; many malformed frames")


def test_a_failed_run_is_over_once_a_newer_one_has_a_report() -> None:
    error = MetricsError("no space")
    failed = Snapshot(3, 20.0, running(), error)
    later, earlier, tenth = (
        msgspec.structs.replace(ended(), run=run)
        for run in ("20261129_120001", "20261129_115959", "20261129_120000_10")
    )
    assert failure(failed, runs(later, earlier)) is None
    assert failure(failed, runs(tenth)) is None
    assert failure(failed, runs(earlier)) is error
    assert failure(failed, NO_RUNS) is error
    assert failure(failed, runs(earlier, unreadable="20261129_120001")) is None
    second = failed._replace(progress=msgspec.structs.replace(running(), run="20261129_120000_2"))
    assert failure(second, runs(tenth)) is None
