"""What cannot be equal: each test shows a row of the table in docs/flink.md, on a real broker and a real Flink."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from metrics.frames.flink import rejected
from metrics.frames.flink.progress import partitions
from metrics.kafka.record_metadata import headers_of
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.jobs import count, create_topic, run, settings_of
from tests.frames.flink.kinds import at
from tests.kafka.application import LIVE, TIMEOUT_S, Application, frame, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow]

START = 1_600_000_020  # a full minute
HOUR_MS = 3_600_000

# Each in a minute of its own, beside a plain frame: what the application counts of it, and Flink.
FRAMES: dict[str, tuple[bytes, int, int]] = {
    "a number as uid": (b'{"ts":%d,"uid":7}', 0, 1),
    "text behind the root object": (b'{"ts":%d,"uid":"b"}x', 0, 1),
    "a control character": (b'{"ts":%d,"uid":"b","x":"\x01"}', 0, 1),
    "UTF-8 that is longer than it has to be": (b'{"ts":%d,"uid":"b","x":"\xc0\xaf"}', 0, 1),
    "half of a surrogate pair": (b'{"ts":%d,"uid":"b\\ud800"}', 0, 1),
    "a repeated ts": (b'{"ts":%d,"ts":1,"uid":"b"}', 1, 0),
    "a number of 1,001 digits": (b'{"ts":%d,"uid":"b","x":' + b"9" * 1_001 + b"}", 1, 0),
}


class Counted(NamedTuple):
    """What one side has published: the frames of each minute by its start, and its dead letters."""

    minutes: dict[int, int]
    timestamps_ms: list[int]
    reasons: dict[int, str]

    @classmethod
    def of(cls, application: Application, suffix: str) -> "Counted":
        records = application.records("minutes" + suffix)
        letters = [dict(headers_of(message) or []) for message in application.read("rejected" + suffix)]
        return cls(
            {record["timestamp"]: record["num_of_frames"] for record in records},
            [message.timestamp()[1] for message in application.read("seconds" + suffix)],
            {int(text_of(headers["offset"])): text_of(headers["reason"]) for headers in letters},
        )


def text_of(value: str | bytes | None) -> str:
    assert isinstance(value, bytes)
    return value.decode()


def lines() -> Iterator[tuple[bytes, int]]:
    """Yield frames with their Kafka timestamps in milliseconds; those of history are all written an hour later."""
    yield b'{"ts":0,"uid":"a"}', 1
    for nth, (kind, _, _) in enumerate(FRAMES.values()):
        second = START + 60 * nth
        for value in (b'{"ts":%d,"uid":"a"}', kind):
            yield at(value, second) or b"", 1000 * second
    second = late()
    for ts in (second, second - 600, second, second + 1_800, *range(second, second + 30)):
        yield b'{"ts":%d,"uid":"a"}' % ts, 1000 * second + HOUR_MS


def late() -> int:
    """Return the second in which the history begins, after those of all kinds."""
    return START + 60 * len(FRAMES)


@pytest.fixture(scope="module")
def both(bootstrap_servers: str, _flink: Cluster) -> tuple[Counted, Counted]:
    """Count the same frames with the application and on Flink; dead letters, too."""
    _flink.make_ready()
    application = Application(bootstrap_servers)
    application.create_topics()
    producer = Producer({"bootstrap.servers": bootstrap_servers})
    for value, timestamp_ms in lines():
        producer.produce(application.topic("frames"), value, partition=0, timestamp=timestamp_ms)
    assert producer.flush(TIMEOUT_S) == 0
    application.run("--until-end")
    settings = settings_of(application)
    count(_flink, settings)
    create_topic(settings, settings.flink_rejected_topic)
    run(_flink, rejected.statements(settings, until_end=True))
    return Counted.of(application, ""), Counted.of(application, "-flink")


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_of_this_kind_is_judged_otherwise(both: tuple[Counted, Counted], kind: str) -> None:
    minute = START + 60 * list(FRAMES).index(kind)
    found: list[Any] = [side.minutes[minute] - 1 for side in both]
    assert tuple(found) == FRAMES[kind][1:]


def test_one_wrong_ts_in_history_makes_the_frames_after_it_late(both: tuple[Counted, Counted]) -> None:
    application, flink = both
    assert application.minutes[late()] == 32
    assert late() + 1_800 not in application.minutes
    assert flink.minutes[late()] == 2
    assert flink.minutes[late() + 1_800] == 1


def test_late_frames_and_those_without_proof_are_dead_letters_of_the_application(both: tuple[Counted, Counted]) -> None:
    application, flink = both
    assert [reason for reason in application.reasons.values() if reason in {"late", "future"}] == ["late", "future"]
    assert not {"late", "future"} & set(flink.reasons.values())


def test_the_first_second_of_1970_has_the_same_timestamp(both: tuple[Counted, Counted]) -> None:
    assert [side.timestamps_ms[0] for side in both] == [1, 1]


def test_a_partition_without_frames_keeps_windows_open(application: Application, flink: Cluster) -> None:
    application.variables["IDLE_S"] = "1"
    application.create_topics(partitions=2)
    application.send([frame(START + nth, "a") for nth in range(10)], timestamp=LIVE)
    counting = application.start()
    wait_until(lambda: len(application.read("seconds")) >= 4, "the application publishes without the partition")
    counting.terminate()
    counting.wait(TIMEOUT_S)
    settings = settings_of(application)
    job_id = count(flink, settings, until_end=False)
    wait_until(lambda: [at.lag for at in partitions(settings, settings.flink_name)] == [0, 0], "Flink has read all")
    wait_for_checkpoints(flink, job_id, 2)
    assert application.read("seconds-flink") == []
    application.send([frame(START + 9, "b")], 1, timestamp=LIVE)
    wait_until(lambda: len(application.read("seconds-flink")) >= 4, "Flink publishes with the partition")


def test_records_become_visible_with_a_checkpoint(application: Application, flink: Cluster) -> None:
    application.create_topics()
    application.send([frame(START + nth, "a") for nth in range(10)], timestamp=LIVE)
    application.variables["FLINK_CHECKPOINT_S"] = "300"
    job_id = count(flink, settings_of(application), until_end=False)
    wait_until(lambda: _written(application, "seconds-flink") >= 4, "records are written")
    assert application.read("seconds-flink") == []
    assert flink.run(f"STOP JOB '{job_id}' WITH SAVEPOINT") is None
    assert len(application.read("seconds-flink")) >= 4


def wait_for_checkpoints(flink: Cluster, job_id: str, more: int) -> None:
    """Wait until a job has completed some more checkpoints."""
    before = _completed(flink, job_id)
    wait_until(lambda: _completed(flink, job_id) >= before + more, "checkpoints are complete")


def _completed(flink: Cluster, job_id: str) -> int:
    return int(flink.rest(f"/jobs/{job_id}/checkpoints")["counts"]["completed"])


def _written(application: Application, role: str) -> int:
    """Return how many records a topic holds, committed or not."""
    servers = application.bootstrap_servers
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "any", "isolation.level": "read_uncommitted"})
    try:
        return int(consumer.get_watermark_offsets(TopicPartition(application.topic(role), 0), TIMEOUT_S)[1])
    finally:
        consumer.close()
