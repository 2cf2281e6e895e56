"""How far a job has read, as it is shown while the job is followed: offsets on a real broker."""

import pytest

from metrics.frames.commands.flink_following import note_end, say_published
from metrics.frames.flink import progress
from metrics.frames.flink.reading import Reading
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.starts import Script, Start
from tests.frames.flink.jobs import settings_of
from tests.kafka.application import Application, frame, wait_until

TS = 1_600_000_020


def wait_for(reading: Reading, read: int, behind: int) -> None:
    """Look until a reading has these numbers."""

    def has_them() -> bool:
        reading.look()
        return (reading.read, reading.behind) == (read, behind)

    wait_until(has_them, f"{read} are read, and {behind} behind")


def test_of_a_job_without_an_end_the_frames_are_shown_that_it_has_read_and_those_behind_them(
    application: Application,
) -> None:
    application.create_topics()
    application.send([frame(TS, "a")] * 10)
    settings = settings_of(application)
    endless = Reading(settings, settings.flink_name, {})
    assert endless.label() == f"reading {settings.input_topic} on Flink"
    wait_for(endless, 0, 10)
    progress.note_end(settings, settings.flink_name, {0: 8})
    wait_for(endless, 8, 2)
    application.send([frame(TS, "a")] * 5)
    wait_for(endless, 8, 7)
    assert endless.label() == f"reading {settings.input_topic} on Flink: 8 frames, 7 behind"


def test_of_a_job_that_ends_with_the_input_the_frames_up_to_there_are_shown(application: Application) -> None:
    application.create_topics()
    application.send([frame(TS, "a")] * 15)
    settings = settings_of(application)
    ending = Reading(settings, settings.flink_name, {0: 10})
    wait_for(ending, 0, 10)
    assert ending.total == 10
    progress.note_end(settings, settings.flink_name, {0: 10})
    wait_for(ending, 10, 0)
    assert ending.total == 10
    assert ending.label() == f"reading {settings.input_topic} on Flink"


def test_after_the_end_of_a_job_a_broker_that_does_not_answer_is_a_warning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = FlinkSettings.load({"BOOTSTRAP_SERVERS": "127.0.0.1:1"})

    def script() -> Script:
        raise AssertionError

    def published() -> list[str]:
        return [f"{progress.look(settings, is_of_group=False).lag}"]

    start = Start("job", "job", [], "counts", "the beginning", script, published, "the command", "the end")
    note_end(settings, start, {0: 5})
    say_published(start)
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(
        "warning: no broker answers at 127.0.0.1:1; flink status and flink verify --recount know only"
    )
    assert second == "warning: no broker answers at 127.0.0.1:1; what the job has published is unknown"
