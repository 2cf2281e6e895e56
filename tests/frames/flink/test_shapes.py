"""Streams as people have them, on a real Flink: the records of the application, and a recount that agrees."""

from pathlib import Path

import pytest

from metrics.frames.flink.script import require_possible
from metrics.frames.flink.settings import FlinkSettings
from metrics.wording.errors import SettingsError
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.jobs import commit_all, settings_of
from tests.frames.flink.records import run, written
from tests.frames.shapes import SHAPES, Stream, lines, send_recorded
from tests.kafka.application import Application

FLINK = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow]

NAMED = {
    "a quote, and a column of the judged frames": Stream(
        {"TS_FIELD": "event_time", "UID_FIELD": "/partition`s ~1${x};"},
        lambda time_s, user: {"event_time": int(time_s), "partition`s /${x};": f"u{user}"},
    ),
    "both in one object": Stream(
        {"TS_FIELD": "/a/ts", "UID_FIELD": "/a/b/c d"},
        lambda time_s, user: {"a": {"ts": time_s, "b": {"c d": f"u{user}"}} if user else "none"},
    ),
    "one field for both": Stream({"TS_FIELD": "uid", "UID_FIELD": "/uid"}, lambda time_s, _: {"uid": f"{time_s}"}),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=FLINK) for name in {**SHAPES, **NAMED}])
def test_a_stream_of_this_shape_is_counted_on_flink_as_by_the_application(
    application: Application, flink: Cluster, tmp_path: Path, name: str
) -> None:
    stream = {**SHAPES, **NAMED}[name]
    application.variables |= stream.settings | {"FLINK_URL": flink.url}
    application.prepare(tmp_path, lines(stream))
    require_equal(application)


@pytest.mark.broker
@pytest.mark.flink
@pytest.mark.slow
def test_the_time_of_records_is_counted_on_flink_as_by_the_application(
    application: Application, flink: Cluster
) -> None:
    application.variables |= {"TS_FORMAT": "kafka", "UID_FIELD": "user", "FLINK_URL": flink.url}
    application.create_topics()
    send_recorded(application)
    require_equal(application)


@pytest.mark.parametrize(
    ("ts_field", "uid_field", "why"),
    [
        ("/tags/0", "uid", "it is in an array"),
        ("ts", "/", "a column needs a name"),
        ("/who", "/who/id", "the other field is an object that this one is in"),
        ("/who/at", "who", "it is an object that the other field is in"),
        ("frame_time", "uid", "the SQL has a column of this name itself"),
    ],
)
def test_a_field_that_sql_cannot_read_is_refused(ts_field: str, uid_field: str, why: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read on Flink") as refused:
        require_possible(FlinkSettings(ts_field=ts_field, uid_field=uid_field))
    assert why in refused.value.why


def require_equal(application: Application) -> None:
    """Check that Flink publishes what the application does, and that its recount agrees."""
    run(application, "--until-end")
    expected = written(application)
    assert len(expected[0]) > 100
    run(application, "flink", "run", "--until-end")
    assert written(application, "-flink") == expected
    commit_all(settings_of(application))
    assert application.answer("flink", "verify", "--recount", "--json")["verdict"] == "agrees"
