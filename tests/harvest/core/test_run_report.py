"""The report of a run, and the original's execution report."""

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import structs

from metrics.harvest.core.event import STREAMS, Position
from metrics.harvest.core.frames import Frame
from metrics.harvest.core.journal import AnyEntry, Closed, Failed, Opened, Started, Stopped
from metrics.harvest.core.report_json import run_report_json
from metrics.harvest.core.reports import RunEvents
from metrics.harvest.core.run_report import (
    RunFigures,
    RunHead,
    RunReport,
    StreamReport,
    execution_report,
    run_report,
    without_users,
)
from metrics.harvest.core.tally import Tally
from metrics.harvest.core.timeline import Timeline
from tests.harvest.core.timeline import event, figures, reports

START_US = 1_701_964_881_000_250  # 2023-12-07 16:01:21.000250 UTC, 17:01:21 in Amsterdam
STARTED = Started(at_us=START_US, run="20231207_170121", seconds=20, name="Sytac", times=3, frame_limit_bytes=1 << 20)
DATA = (
    '{"show":{"show_id":"s5","release_year":2020},"event_date":"07-12-2023 17:01:22.500",'
    '"user":{"id":22,"first_name":"Sytac","country":"NL"}}'
)


def entries() -> Iterator[AnyEntry]:
    """Yield the journal of a run in which Sytflix is read, Sytazon refuses, and Sysney goes away."""
    # s        0     0.5     1     2    3           20.000007
    # sytflix  request    open                      stop: 19.999757 s after its request
    # sytazon  request  401
    # sysney   request  open  closed    503
    yield Failed(at_us=START_US + 500_000, stream="sytazon", why="status 401", is_final=True, status=401)
    yield Opened(at_us=START_US + 500_000, stream="sysney", connection=1, requested_us=START_US)
    yield Opened(at_us=START_US + 1_000_000, stream="sytflix", connection=1, requested_us=START_US + 250)
    yield Closed(at_us=START_US + 2_000_000, stream="sysney", connection=1, why="cut")
    yield Failed(at_us=START_US + 3_000_000, stream="sysney", why="status 503", is_final=False, status=503)
    yield Stopped(at_us=START_US + 20_000_007, by="time")


@pytest.fixture
def report() -> RunFigures:
    timeline, tally = Timeline(STARTED), Tally("Sytac", 3)
    for entry in entries():
        timeline.take(entry)
    events = []
    for number, (own_id, data) in enumerate([(b"1", DATA), (b"1", DATA), (b"2", "{"), (b"3", "null"), (b"4", "{")], 1):
        frame = Frame(event=b"stream-started", data=data.encode(), id=own_id, is_too_long=False, end=0)
        event = tally.take(frame, Position("sytflix", 1, number), START_US)
        events += [event] if event else []
    return run_report(timeline, tally, {"sytflix": 1234}, figures([RunEvents(START_US, events)]))


def test_a_run_is_reported_with_its_rule_its_times_and_its_streams(report: RunFigures) -> None:
    nothing = {"frames": 0, "events": 0, "repeated": 0, "malformed": {}, "bytes": 0}
    assert [msgspec.to_builtins(stream) for stream in report.streams] == [
        {
            "stream": "sytflix",
            "platform": "Sytflix",
            "listened_ms": 20_000,
            "listened_s": 19.999757,
            "connections": 1,
            "frames": 5,
            "events": 1,
            "repeated": 1,
            "malformed": {"json": 2, "object": 1},
            "bytes": 1234,
            "outcome": "read",
            "why": None,
            "status": None,
        },
        {"stream": "sytazon", "platform": "Sytazon", "listened_ms": 0, "listened_s": 0.0, "connections": 0}
        | nothing
        | {"outcome": "refused", "why": "status 401", "status": 401},
        {"stream": "sysney", "platform": "Sysney", "listened_ms": 2000, "listened_s": 2.0, "connections": 1}
        | nothing
        | {"outcome": "away", "why": "status 503", "status": 503},
    ]
    assert msgspec.to_builtins(report) == {
        "run": "20231207_170121",
        "started_at": "2023-12-07T16:01:21.000Z",
        "started": "07-12-2023 17:01:21.000",
        "stopped_at": "2023-12-07T16:01:41.000Z",
        "stopped": "07-12-2023 17:01:41.000",
        "stopped_by": "time",
        "lasted_s": 20.000007,
        "seconds": 20.0,
        "name": "Sytac",
        "times": 3,
        "name_seen": 1,
        "events": 1,
        "streams": msgspec.to_builtins(report.streams),
        "reports": msgspec.to_builtins(report.reports),
    }
    assert report.missed == report.streams[1:]


def test_a_report_is_read_back_whole_or_without_its_answers(report: RunFigures) -> None:
    users = reports([RunEvents(START_US, [event(), event(user_id="2")])]).users
    text = b"".join(run_report_json(report, users))
    whole = msgspec.json.decode(text, type=RunReport)
    assert whole.reports.users == users
    assert without_users(whole) == structs.replace(report, reports=structs.replace(report.reports, users=2))
    head = msgspec.json.decode(text, type=RunHead)
    assert msgspec.to_builtins(head) == {k: v for k, v in msgspec.to_builtins(report).items() if k != "reports"}


def test_the_execution_report_is_byte_for_byte_that_of_the_original() -> None:
    def stream(name: str, listened_s: float) -> StreamReport:
        return msgspec.convert(
            dict.fromkeys(StreamReport.__struct_fields__, 0)
            | {
                "stream": name,
                "platform": "",
                "listened_s": listened_s,
                "malformed": {},
                "outcome": "read",
                "why": None,
            },
            StreamReport,
        )

    seconds = dict(zip(STREAMS, (19.69577193260193, 20.0, 1e-06), strict=True))
    streams = [stream(name, listened_s) for name, listened_s in seconds.items()]
    head = msgspec.convert(
        dict.fromkeys(RunHead.__struct_fields__, 0)
        | dict.fromkeys(("started_at", "started", "stopped_at", "stopped", "name"), "")
        | {"run": "20231207_170121", "stopped_by": "time", "streams": streams},
        RunHead,
    )
    assert execution_report(head) == (
        "EXECUTION TIME FOR RUN 20231207_170121 \n"
        "sytflix was listened for 19.69577193260193 seconds. \n"
        "sytazon was listened for 20.0 seconds. \n"
        "sysney was listened for 1e-06 seconds. \n"
    )
