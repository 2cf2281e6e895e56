"""Creating topics and feeding a file, on a real broker."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic

from metrics.frames import topics_in_use
from metrics.frames.producer import generator
from metrics.frames.settings import Settings
from metrics.kafka import local_broker, topic_changes
from metrics.kafka.local_broker import node
from metrics.wording.errors import BrokerError
from tests.kafka.application import PROJECT, Application, frame

T = 1468244340


def partitions_of(application: Application, role: str) -> int:
    metadata = AdminClient({"bootstrap.servers": application.bootstrap_servers}).list_topics(timeout=30)
    return len(metadata.topics[application.topic(role)].partitions)


def test_missing_topics_are_created_and_the_file_is_fed_line_by_line(application: Application, tmp_path: Path) -> None:
    frames = [frame(T, "a"), b"no JSON", b"", frame(T, "b")]
    output = application.prepare(tmp_path, frames)
    assert [(message.key(), message.value()) for message in application.read("frames")] == [
        (None, line) for line in frames
    ]
    for role in ("frames", "seconds", "minutes", "rejected"):
        assert f"topic {application.topic(role)}: created" in output
    assert "4 frames in" in output
    assert "frames/s" in output


def test_packed_files_and_folders_of_them_are_fed(application: Application, tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl.gz"
    file.write_bytes(gzip.compress(frame(T, "a") + b"\n" + frame(T, "b")))
    application.run("prepare-topics", file)
    assert [message.value() for message in application.read("frames")] == [frame(T, "a"), frame(T, "b")]
    (tmp_path / "frames.jsonl").write_bytes(frame(T, "first"))
    output = application.run("prepare-topics", tmp_path, "--again")
    assert "fed 2 files: 3 frames" in output
    assert [message.value() for message in application.read("frames")][2:] == [
        frame(T, uid) for uid in ("first", "a", "b")
    ]


def test_frames_go_round_robin_over_the_partitions(application: Application, tmp_path: Path) -> None:
    frames = [frame(T, str(number)) for number in range(10)]
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.prepare(tmp_path, frames, "--partitions", "3")
    messages = application.read("frames")
    by_partition = [[message.value() for message in messages if message.partition() == number] for number in range(3)]
    assert by_partition == [frames[0::3], frames[1::3], frames[2::3]]
    assert partitions_of(application, "republished") == 3
    assert partitions_of(application, "seconds") == 1


def test_a_second_run_does_not_feed_twice_and_again_does(application: Application, tmp_path: Path) -> None:
    frames = [frame(T, "a"), frame(T, "b")]
    application.prepare(tmp_path, frames)
    output = application.prepare(tmp_path, frames)
    assert "already has up to 2 frames" in output
    assert f"topic {application.topic('frames')}: exists" in output
    assert len(application.read("frames")) == 2
    application.prepare(tmp_path, frames, "--again")
    assert [message.value() for message in application.read("frames")] == frames * 2


def test_without_a_number_of_replicas_the_broker_s_default_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker is alone, and its default is two replicas."""
    monkeypatch.setattr(node, "_SERVER_PROPERTIES", node._SERVER_PROPERTIES + "default.replication.factor=2\n")
    with local_broker.running(tmp_path / "broker", print) as address:
        application = Application(address)
        for command in (["prepare-topics", "/dev/null"], ["topics", "create", application.topic("trial")]):
            said = application.run(*command, exit_code=5)
            assert "replication factor" in said.lower(), said
            assert "created" in application.run(*command, "--replication-factor", "1")


def test_results_of_any_time_are_kept(application: Application, tmp_path: Path) -> None:
    """Brokers delete by record timestamp, and refuse what lies ahead of their clock."""
    application.variables["FUTURE_LIMIT_S"] = "253402300799"
    far = [frame(0, "a"), frame(86_400, "b"), frame(253402300799, "c")]
    application.prepare(tmp_path, far)
    application.run("--until-end")
    assert [start for start, *_ in application.seconds()] == [0, 86_400, 253402300799]
    assert [start for start, *_ in application.minutes()] == [0, 86_400, 253402300740]


def test_a_topic_whose_retention_would_delete_results_is_an_error_that_names_the_setting(
    application: Application, tmp_path: Path
) -> None:
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    config = {"cleanup.policy": "delete", "retention.ms": "604800000"}
    topic = NewTopic(application.topic("minutes"), 1, 1, config=config)
    admin.create_topics([topic])[topic.topic].result(timeout=30)
    application.prepare(tmp_path, [frame(T, "a")])
    output = application.run("--until-end", exit_code=5)
    assert f"would delete results from the topic {topic.topic}" in output
    assert "retention.ms=604800000" in output
    assert "cleanup.policy=compact" in output
    assert application.read("seconds") == []


@pytest.mark.parametrize(("variable", "role"), [("REJECTED_TOPIC", "rejected"), ("OUTPUT_STREAM", "republished")])
@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_a_compacted_topic_of_frames_is_an_error_at_the_start(
    application: Application, tmp_path: Path, variable: str, role: str, policy: str
) -> None:
    """It accepts no frame without a key, and the job would end at the first of these, at every start."""
    application.variables[variable] = application.topic(role)
    application.create_topic(role, cleanup_policy=policy)
    application.prepare(tmp_path, [frame(T, "a"), b"no JSON"])
    output = application.run("--until-end", exit_code=5)
    assert f"the topic {application.topic(role)} ({variable}) cannot store frames" in output
    assert f"it has cleanup.policy={policy}: " in output
    assert f"--topic {application.topic(role)} --add-config cleanup.policy=delete" in output
    assert application.read("seconds") == []


def test_if_the_broker_refuses_one_topic_none_is_created(application: Application) -> None:
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    application.create_topic("not.twice")
    application.variables["REJECTED_TOPIC"] = application.topic("not_twice")
    output = application.run("prepare-topics", "/dev/null", exit_code=5)
    assert f"the topic {application.topic('not_twice')} cannot be created" in output
    there = [name for name in admin.list_topics(timeout=30).topics if name.startswith(application.name)]
    assert there == [application.topic("not.twice")]


def test_an_interrupted_feed_reports_that_it_is_partial(application: Application, tmp_path: Path) -> None:
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(b"\n".join(frame(T, str(number)) for number in range(50_000)))[:-2_000])
    output = application.run("prepare-topics", file, exit_code=3)
    fed = len(application.read("frames"))
    advice = f"to send the rest, if any: python app.py feed {file} --resume"
    assert f"{file}: interrupted after {fed:,} acknowledged frames; {advice}" in output


def test_a_topic_with_another_number_of_partitions_is_a_warning(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, [frame(T, "a")], "--partitions", "2")
    output = application.prepare(tmp_path, [frame(T, "a")], "--partitions", "3")
    assert f"topic {application.topic('frames')} has 2 partitions, not 3" in output


def test_no_feed_creates_the_topics_and_feeds_nothing(application: Application, tmp_path: Path) -> None:
    output = application.run("prepare-topics", "--no-feed", "--partitions", "3")
    assert f"topic {application.topic('frames')}: created" in output
    assert partitions_of(application, "frames") == 3
    assert application.read("frames") == []
    file = tmp_path / "frames.jsonl"
    file.write_bytes(frame(T, "a"))
    for unused in ([str(file)], ["--again"], ["--or-generate"]):
        output = application.run("prepare-topics", "--no-feed", *unused, exit_code=2)
        assert f"--no-feed and {unused[0]} contradict each other" in output


def test_or_generate_feeds_generated_frames_once_if_data_contains_none(
    application: Application, tmp_path: Path
) -> None:
    """A copy of the project, whose data/ is the test's own; each run reads it in the order below."""
    shutil.copytree(PROJECT / "metrics", tmp_path / "metrics", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "app.py", tmp_path)

    def prepare(exit_code: int = 0) -> str:
        command = [sys.executable, str(tmp_path / "app.py"), "prepare-topics", "--or-generate"]
        finished = subprocess.run(
            command, env=application.environment(), capture_output=True, text=True, timeout=60, check=False
        )
        assert finished.returncode == exit_code, finished.stderr
        return finished.stdout + finished.stderr

    application.variables["TS_FORMAT"] = "milliseconds"
    assert "there are no frames to feed for TS_FORMAT=milliseconds" in prepare(exit_code=2)
    assert application.read("frames") == []
    del application.variables["TS_FORMAT"]
    assert "fed generated frames: 60,000 frames in" in prepare()
    generated = generator.frames(count=60_000, rate=100, users=5_000)
    assert [message.value() for message in application.read("frames")] == list(generated)
    output = prepare()
    assert (
        "already has up to 60,000 frames: nothing was fed (to continue an interrupted feed: python app.py feed FILE "
        "--resume; to feed all again: python app.py prepare-topics --again)"
    ) in output
    assert "generated" not in output
    application.variables["INPUT_TOPIC"] = application.topic("of-a-file")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "two words.jsonl").write_bytes(frame(T, "a"))
    assert "fed data/two words.jsonl: 1 frame in" in prepare().replace(f"{tmp_path}/", "")
    assert [message.value() for message in application.read("of-a-file")] == [frame(T, "a")]


class LateBroker(AdminClient):
    """A client whose broker hears of a new topic some answers after the controller has made it, as loaded ones do."""

    late = 3

    def list_topics(self, *args: Any, **kwargs: Any) -> ClusterMetadata:
        metadata = super().list_topics(*args, **kwargs)
        known = vars(self).setdefault("known", set(metadata.topics))
        if self.late:
            self.late -= 1
            metadata.topics = {name: topic for name, topic in metadata.topics.items() if name in known}
        return metadata


def test_creating_a_topic_waits_until_the_broker_lists_it(application: Application) -> None:
    settings = Settings.load(application.environment())
    admin = LateBroker({"bootstrap.servers": application.bootstrap_servers})
    created = topics_in_use.create(admin, settings, partitions=2, replication_factor=1)
    assert all(created.values())
    assert topics_in_use.input_partitions(admin, settings) == 2
    assert admin.late == 0


def test_a_broker_that_never_lists_a_new_topic_is_an_error(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_changes, "ASK_TIMEOUT_S", 2.0)
    admin = LateBroker({"bootstrap.servers": application.bootstrap_servers})
    admin.late = 1_000_000
    with pytest.raises(BrokerError, match=application.topic("frames")):
        topics_in_use.create(admin, Settings.load(application.environment()), partitions=1, replication_factor=1)
