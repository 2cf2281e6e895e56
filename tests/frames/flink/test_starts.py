"""`flink run` on a real broker: what is wrong without Flink is said before a local Flink is started."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer

from metrics.frames.flink import progress, starts
from metrics.frames.flink.script import Begin
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.flink.starts import Start
from metrics.frames.flink.switch.handover import hand_over
from tests.frames.flink.jobs import create_topic, settings_of
from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, frame, wait_until

pytestmark = pytest.mark.broker

T = 1_600_000_020


@pytest.fixture
def fed(application: Application, tmp_path: Path) -> Application:
    """Give an application with frames, and a folder without a Flink."""
    application.variables["LOCAL_FLINK_DIR"] = str(tmp_path / "flink")
    application.create_topics()
    application.send([frame(T + nth, "a") for nth in range(20)], timestamp=LIVE)
    return application


def refused(application: Application, *options: str, exit_code: int) -> str:
    """Return why `flink run` refuses, in one line, after seeing that no Flink was started."""
    said = application.run("flink", "run", *options, exit_code=exit_code)
    assert "starting Flink" not in said
    assert not Path(application.variables["LOCAL_FLINK_DIR"]).exists()
    return " ".join(said.split())


@pytest.mark.parametrize("way", [(), ("--rejected",), ("--from-group",)])
def test_a_job_cannot_both_end_with_the_input_and_continue_from_a_savepoint(
    fed: Application, way: tuple[str, ...]
) -> None:
    said = refused(fed, *way, "--until-end", "--restore", "/kept/savepoint-1", exit_code=2)
    assert "--until-end cannot be combined with the savepoint /kept/savepoint-1" in said
    assert "Flink never ends a job with bounds that was restored (FLINK-31006)" in said
    assert "leave --until-end out, and stop the job with flink stop" in said
    assert ("begin in other topics" in said) == ("--from-group" not in way)


@pytest.mark.parametrize("way", [(), ("--rejected",), ("--from-group",)])
def test_a_savepoint_that_is_missing_is_named_and_nothing_is_done(fed: Application, way: tuple[str, ...]) -> None:
    said = refused(fed, *way, "--restore", "nonsense", exit_code=3)
    assert "the savepoint or checkpoint nonsense cannot be read why: No such file or directory" in said
    assert "give the path that flink stop, or Ctrl-C in flink run, has printed" in said
    assert fed.saved_state() is None


def test_an_empty_path_of_a_savepoint_is_refused_with_any_flink(application: Application) -> None:
    application.variables["FLINK_URL"] = "http://127.0.0.1:1"
    said = " ".join(application.run("flink", "run", "--restore", "", exit_code=2).split())
    assert "--restore names no savepoint or checkpoint" in said


def test_a_missing_input_topic_is_named(application: Application, tmp_path: Path) -> None:
    application.variables["LOCAL_FLINK_DIR"] = str(tmp_path / "flink")
    assert f"INPUT_TOPIC={application.topic('frames')}" in refused(application, exit_code=5)


@pytest.mark.parametrize(("options", "role"), [((), "seconds-flink"), (("--rejected",), "rejected-flink")])
def test_a_job_from_the_beginning_needs_topics_without_records(
    fed: Application, options: tuple[str, ...], role: str
) -> None:
    create_topic(settings_of(fed), fed.topic(role))
    producer = Producer({"bootstrap.servers": fed.bootstrap_servers})
    producer.produce(fed.topic(role), b"of an earlier job")
    assert producer.flush(TIMEOUT_S) == 0
    said = refused(fed, *options, exit_code=7)
    assert f"the topic {fed.topic(role)} holds records already" in said


def of_group(settings: FlinkSettings) -> Start:
    def begin() -> Begin:
        return hand_over(settings, lambda _: None, until_end=False).begin

    return starts.of_group(settings, None, 1, begin, until_end=False)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(lambda settings: starts.of_own(settings, None, 1, until_end=False), id="own"),
        pytest.param(lambda settings: starts.of_rejected(settings, None, 1, until_end=False), id="rejected"),
        pytest.param(of_group, id="group"),
    ],
)
def test_what_an_earlier_job_has_read_is_not_taken_for_what_a_new_one_has(
    fed: Application, start: Callable[[FlinkSettings], Start]
) -> None:
    """As after the topics of the earlier job were deleted, or a group went to Flink for the second time."""
    fed.run("--until-end")
    settings = settings_of(fed)
    begun = start(settings)
    progress.note_end(settings, begun.progress_group, {0: 17})
    assert [at.position for at in progress.partitions(settings, begun.progress_group)] == [17]
    begun.script()
    assert [(at.position, at.lag) for at in progress.partitions(settings, begun.progress_group)] == [(None, 20)]


@pytest.mark.parametrize("way", [(), ("--rejected",), ("--from-group",)])
def test_a_job_with_more_tasks_than_a_local_flink_has_slots_for_is_refused(
    application: Application, tmp_path: Path, way: tuple[str, ...]
) -> None:
    application.variables["LOCAL_FLINK_DIR"] = str(tmp_path / "flink")
    application.create_topics(6)
    said = refused(application, *way, "--parallelism", "5", exit_code=2)
    assert "--parallelism 5 is too much for the local Flink" in said
    assert "why: it has 8 slots, for a job that counts and one for dead letters, of 4 tasks each" in said
    assert "FLINK_URL=http://host:8083" in said


@pytest.mark.parametrize("way", [("run",), ("run", "--from-group"), ("sql",)])
def test_a_limit_of_gaps_whose_rows_no_task_can_hold_is_refused(
    application: Application, tmp_path: Path, way: tuple[str, ...]
) -> None:
    application.variables |= {"LOCAL_FLINK_DIR": str(tmp_path / "flink"), "GAP_LIMIT_S": "86401"}
    said = " ".join(application.run("flink", *way, exit_code=2).split())
    assert "GAP_LIMIT_S=86401 is too long for Flink" in said
    assert "set GAP_LIMIT_S=86400, or less" in said
    assert not (tmp_path / "flink").exists()
    assert "REPEAT" not in application.run("flink", "sql", "--rejected")


def test_a_group_with_an_active_instance_is_not_handed_over(fed: Application) -> None:
    process = fed.start()
    wait_until(lambda: fed.heartbeats() > 0, "the instance has committed")
    assert "is active; nothing was changed" in refused(fed, "--from-group", exit_code=8)
    process.terminate()
    finish(process)


def test_a_group_whose_frames_are_republished_is_not_handed_over(fed: Application) -> None:
    fed.variables["OUTPUT_STREAM"] = fed.topic("republished")
    assert "Flink republishes no frames" in refused(fed, "--from-group", exit_code=2)
