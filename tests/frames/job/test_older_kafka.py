"""Kafka as others still run it: 3.4, which does not know all settings of topics, and 3.9."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from metrics.frames.producer import generator
from metrics.kafka import topic_limits, topics
from tests.kafka import own_kafka
from tests.kafka.application import Application, timeline
from tests.reference import count_all

pytestmark = pytest.mark.broker

FRAMES = list(generator.frames(count=20_000, rate=100, seed=5))
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with own_kafka.running(tmp_path_factory.mktemp("kafka"), version="3.4.1") as addresses:
        yield addresses["OPEN"]


def check_a_whole_run(address: str, folder: Path) -> None:
    application = Application(address)
    application.variables["OUTPUT_STREAM"] = application.topic("republished")
    application.prepare(folder, [*FRAMES[:5], b"no frame", *FRAMES[5:]], "--partitions", "2")
    application.run("--until-end")
    answer = count_all({0: timeline(FRAMES)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes
    assert len(application.read("republished")) == 20_000
    assert [message.value() for message in application.read("rejected")] == [b"no frame"]
    assert application.status()["frames"]["counted"] == 20_000
    application.run("verify")


@pytest.mark.slow
def test_topics_are_created_frames_counted_and_results_verified(oldest: str, tmp_path: Path) -> None:
    check_a_whole_run(oldest, tmp_path)


@pytest.mark.long
def test_topics_are_created_frames_counted_and_results_verified_by_kafka_3_9(tmp_path: Path) -> None:
    with own_kafka.running(tmp_path / "kafka", version="3.9.1") as addresses:
        check_a_whole_run(addresses["OPEN"], tmp_path)


def test_a_limit_for_timestamps_in_both_directions_is_kept_before_kafka_3_6(oldest: str, tmp_path: Path) -> None:
    """A record beyond it would be refused, and the job would end at it, at every start."""
    application = Application(oldest)
    application.create_topic("rejected", message_timestamp_difference_max_ms=f"{DAY_MS}")
    admin = AdminClient({"bootstrap.servers": oldest})
    config = topics.configuration(admin, application.topic("rejected"))
    assert not topic_limits.keeps_timestamps_ahead(config)
    application.prepare(tmp_path, FRAMES[:5])
    application.send([b"of long ago"], timestamp=1)
    application.run("--until-end")
    assert [message.value() for message in application.read("rejected")] == [b"of long ago"]
