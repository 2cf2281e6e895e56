"""Streams as people have them: counted from a file and from a real Kafka, each equal to a plain count."""

import json
from pathlib import Path

import pytest

from tests.frames.shapes import SHAPES, START, counted, lines, send_recorded, timeline
from tests.kafka.application import Application
from tests.reference import Sent, count_all


@pytest.mark.parametrize("name", SHAPES)
def test_a_stream_of_this_shape_is_counted_from_a_file_and_from_kafka(
    application: Application, tmp_path: Path, name: str
) -> None:
    application.variables |= SHAPES[name].settings
    expected = counted()
    application.prepare(tmp_path, lines(SHAPES[name]))
    application.run("--until-end")
    assert application.read("rejected")
    assert application.seconds() == expected.seconds
    assert application.minutes() == expected.minutes
    assert expected.late > 0
    assert application.answer("verify", "--json")["agrees"]
    output = application.run("count", tmp_path / "frames.jsonl", "--seconds")
    found = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert [(record["timestamp"], record["num_of_frames"]) for record in found] == [row[:2] for row in expected.seconds]


def test_the_time_of_a_record_is_the_time_of_a_frame_if_that_is_wanted(application: Application) -> None:
    application.variables |= {"TS_FORMAT": "kafka", "UID_FIELD": "user"}
    application.create_topics()
    send_recorded(application)
    application.run("--until-end")
    expected = count_all(
        {0: [Sent(int(time_s), str(user), time_s) for time_s, user in timeline()]}, lateness_s=5, gap_limit_s=3_600
    )
    assert (application.seconds(), application.minutes()) == (expected.seconds, expected.minutes)
    assert application.answer("verify", "--json")["agrees"]
    assert "TS_FORMAT=kafka cannot be used with files" in application.run("count", "-", exit_code=2)


def test_a_start_with_another_shape_is_refused_while_windows_are_open(application: Application) -> None:
    application.create_topics()
    application.send([b'{"ts":%d,"uid":"a"}' % (START + nth) for nth in range(10)])
    process = application.start()
    while application.position(0) < 10:
        assert process.poll() is None
    process.terminate()
    process.communicate()
    application.variables["TS_FORMAT"] = "milliseconds"
    refused = application.run("--until-end", exit_code=7)
    assert "were judged by LATENESS_S=5 FUTURE_LIMIT_S=300\n" in refused
    assert "TS_FORMAT=milliseconds" in refused
