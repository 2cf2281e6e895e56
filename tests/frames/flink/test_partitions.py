"""Partitions that differ while a real Flink counts: one is added, one is far ahead, one has no frames."""

import json
import time

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.frames.flink.cluster import Cluster
from tests.frames.flink.records import TIMEOUT_S, eventually, run, written
from tests.kafka.application import LIVE, Application, frame

pytestmark = [pytest.mark.flink, pytest.mark.timeout(900)]

T = 1468244340
KNOWN_S = 15  # after which what is read is committed: Flink does so up to 10 s after a checkpoint if no frames come


def send(application: Application, partitions: int, seconds: range) -> None:
    """Send a frame of each second to each partition."""
    for number in range(partitions):
        frames = [frame(T + second, f"{number} {second % 7}") for second in seconds]
        application.send(frames, number, timestamp=LIVE)


def positions(application: Application) -> list[int]:
    """Return the next frame of each partition, as `flink status` knows it: the frames before it are read."""
    partitions = json.loads(application.run("flink", "status", "--json"))["partitions"]
    return [part["position"] or 0 for part in partitions]


@pytest.mark.slow
@pytest.mark.parametrize(("seconds_before", "read"), [(70, 130), (0, 400)])
def test_a_partition_far_ahead_waits_for_another_that_has_frames_and_loses_none(
    application: Application, flink: Cluster, seconds_before: int, read: int
) -> None:
    application.variables["FLINK_URL"] = flink.url
    application.create_topics(2)
    ahead, behind = [[frame(T + second, f"{number} {second % 7}") for second in range(400)] for number in range(2)]
    application.send(ahead[:70], 0, timestamp=LIVE)
    application.send(behind[:seconds_before], 1, timestamp=LIVE)
    run(application, "flink", "run", "--parallelism", "2")
    eventually(lambda: positions(application) == [70, seconds_before], "all is read")
    application.send(ahead[70:130], 0, timestamp=LIVE)
    eventually(lambda: positions(application)[0] == 130, "what is near is read")
    time.sleep(KNOWN_S)
    application.send(ahead[130:], 0, timestamp=LIVE)
    time.sleep(KNOWN_S)
    assert positions(application) == [read, seconds_before]
    application.send(behind[seconds_before:], 1, timestamp=LIVE)
    eventually(lambda: len(written(application, "-flink")[0]) == 394, "all that is closed is published")
    run(application, "--until-end")
    found = written(application, "-flink")
    assert [*map(len, found)] == [394, 6]
    assert found == [of_size[: len(part)] for of_size, part in zip(written(application), found, strict=True)]


@pytest.mark.long
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
