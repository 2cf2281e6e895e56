"""A partition that is added to the input while a real Flink counts."""

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.frames.flink.cluster import Cluster
from tests.frames.flink.records import TIMEOUT_S, eventually, run, written
from tests.kafka.application import LIVE, Application, frame

pytestmark = [pytest.mark.long, pytest.mark.flink, pytest.mark.timeout(900)]

T = 1468244340


def send(application: Application, partitions: int, seconds: range) -> None:
    """Send a frame of each second to each partition."""
    for number in range(partitions):
        frames = [frame(T + second, f"{number} {second % 7}") for second in seconds]
        application.send(frames, number, timestamp=LIVE)


def test_frames_of_an_added_partition_count_once_flink_has_found_it(application: Application, flink: Cluster) -> None:
    application.variables["FLINK_URL"] = flink.url
    application.create_topics(2)
    send(application, 2, range(70))
    run(application, "flink", "run")
    eventually(lambda: len(written(application, "-flink")[0]) == 64, "what is closed is published")
    topic, log = application.topic("frames"), flink.folder / "log" / "jobmanager.log"
    admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
    admin.create_partitions([NewPartitions(topic, 3)])[topic].result(TIMEOUT_S)
    eventually(lambda: f"{topic}-2" in log.read_text(), "Flink has found it")
    send(application, 3, range(70, 200))
    eventually(lambda: len(written(application, "-flink")[0]) == 194, "all that is closed is published")
    run(application, "--until-end")
    found = written(application, "-flink")
    assert [*map(len, found)] == [194, 3]
    assert found == [of_size[: len(part)] for of_size, part in zip(written(application), found, strict=True)]
