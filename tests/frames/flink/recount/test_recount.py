"""`flink verify --recount` on a real broker: records as Flink writes them, and breaches of every kind."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from tests.frames.flink.jobs import create_topic, settings_of
from tests.kafka.application import LIVE, TIMEOUT_S, Application, frame

pytestmark = pytest.mark.broker

T = 1_600_000_020  # a full minute
PARTITIONS = 2
ROLES = ("seconds", "minutes")
Row = tuple[str, str, int]  # key, value, timestamp in milliseconds
Rows = list[Row]
# 160 s by two partitions, two frames a second; the first minute ends at T + 60, the last frame is at T + 159.
SENT = 160


def frames(partition: int) -> list[bytes]:
    """Return a frame a second without a gap of 5 s; one late, one late but in its minute, one invalid."""
    found = [frame(T + after_s, f"u{after_s % 7}-{partition}") for after_s in range(SENT) if not 100 <= after_s < 105]
    for place, odd in ((90, b"no frame"), (110, frame(T + 10, "late")), (140, frame(T + 121, "late in minute"))):
        found.insert(place, odd)
    return found


def counting(bootstrap_servers: str) -> Application:
    """Return an application that has counted; what it has published is what Flink would have."""
    application = Application(bootstrap_servers)
    application.create_topics(PARTITIONS)
    for partition in range(PARTITIONS):
        application.send(frames(partition), partition, timestamp=LIVE)
    application.run("--until-end")
    return application


def with_topics_of_flink(application: Application) -> Application:
    """Return the application with new topics of Flink, and a new name of the job."""
    settings = settings_of(Application(application.bootstrap_servers, {"FLINK_TOPIC_SUFFIX": f"-{uuid4().hex}"}))
    varied = replace(application, variables={"FLINK_TOPIC_SUFFIX": settings.flink_topic_suffix})
    for role in ROLES:
        create_topic(settings, flink_topic(varied, role))
    return varied


def flink_topic(application: Application, role: str) -> str:
    return application.topic(role) + application.variables["FLINK_TOPIC_SUFFIX"]


@pytest.fixture(scope="module")
def shared(bootstrap_servers: str) -> Application:
    """Give an application whose topics are only read."""
    return counting(bootstrap_servers)


@pytest.fixture
def counted(shared: Application) -> Application:
    """Give the same with topics of Flink of its own."""
    return with_topics_of_flink(shared)


@pytest.fixture
def own(bootstrap_servers: str) -> Application:
    """Give one whose topics may be changed."""
    return with_topics_of_flink(counting(bootstrap_servers))


def rows(messages: Sequence[Message]) -> Rows:
    return [((each.key() or b"").decode(), (each.value() or b"").decode(), each.timestamp()[1]) for each in messages]


def publish(application: Application, role: str, written: Rows, *, ends: bool = True) -> Producer:
    """Publish records in a transaction, as Flink does; it stays open unless it ends."""
    client = {"bootstrap.servers": application.bootstrap_servers, "transactional.id": flink_topic(application, role)}
    producer = Producer(client)
    producer.init_transactions(TIMEOUT_S)
    producer.begin_transaction()
    for key, value, timestamp_ms in written:
        producer.produce(flink_topic(application, role), value, key, partition=0, timestamp=timestamp_ms)
    assert producer.flush(TIMEOUT_S) == 0
    if ends:
        producer.commit_transaction(TIMEOUT_S)
    return producer


def commit(application: Application, positions: dict[int, int]) -> None:
    """Commit positions to the consumer group of the job, as Flink does with a checkpoint."""
    settings = settings_of(application)
    consumer = Consumer(
        {"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.progress_group(is_of_group=False)}
    )
    places = [TopicPartition(application.topic("frames"), number, at) for number, at in positions.items()]
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()


def recounted(application: Application, *, exit_code: int = 0) -> dict[str, Any]:
    return application.answer("flink", "verify", "--recount", "--json", exit_code=exit_code)


def with_published(application: Application, change: Callable[[Rows], Rows] = list) -> Application:
    """Publish what the application has published, the seconds changed, and commit that all frames are read."""
    seconds, minutes = (rows(application.read(role)) for role in ROLES)
    publish(application, "seconds", change(seconds))
    publish(application, "minutes", minutes)
    commit(application, {number: len(frames(number)) for number in range(PARTITIONS)})
    return application


def test_the_application_need_not_have_run_for_records_to_agree(own: Application) -> None:
    with_published(own)
    for role in ("seconds", "minutes", "rejected"):
        own.delete_topic(role)
    found = recounted(own)
    assert (found["verdict"], found["compared"]) == ("agrees", {"seconds": 160, "minutes": 3})
    assert found["remarks"] == []
    assert "the outputs agree with the input" in own.run("flink", "verify", "--recount")


def edited(row: Row, **fields: object) -> Row:
    key, value, timestamp_ms = row
    return key, json.dumps(json.loads(value) | fields, separators=(",", ":")), timestamp_ms


def with_a_lost_frame(seconds: Rows) -> Rows:
    """Return records that are right in themselves, if a frame of the last second had never come."""
    average = json.loads(seconds[-2][1])["avg_num_of_frames"]
    total = round(average * (len(seconds) - 1)) + 1
    return [*seconds[:-1], edited(seconds[-1], num_of_frames=1, avg_num_of_frames=round(total / len(seconds), 3))]


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        pytest.param(
            lambda all_: [*all_[:50], edited(all_[50], num_of_frames=3), *all_[51:]], {"differs": 1}, id="changed"
        ),
        pytest.param(lambda all_: [*all_[:50], *all_[51:]], {"missing": 1}, id="missing"),
        pytest.param(lambda all_: [*all_[:51], *all_[50:]], {"doubled": 1}, id="doubled"),
        pytest.param(lambda all_: all_[:150], {"missing": 4}, id="the last ones that must be there"),
        pytest.param(with_a_lost_frame, {"differs": 1}, id="a lost frame"),
        pytest.param(
            lambda all_: [*all_[:50], edited(all_[50], avg_num_of_frames=2.5), *all_[51:]], {"average": 1}, id="average"
        ),
        pytest.param(
            lambda all_: [(all_[0][0], all_[0][1].replace("2.0", "2.00"), all_[0][2]), *all_[1:]],
            {"differs": 1},
            id="other bytes",
        ),
        pytest.param(lambda all_: [(*all_[0][:2], all_[0][2] + 1), *all_[1:]], {"differs": 1}, id="timestamp"),
    ],
)
def test_a_breach_is_found(counted: Application, change: Callable[[Rows], Rows], counts: dict[str, int]) -> None:
    found = recounted(with_published(counted, change), exit_code=1)
    assert (found["verdict"], found["counts"]) == ("differs", counts)


def test_windows_that_the_frames_have_not_closed_need_no_records(counted: Application) -> None:
    """The newest frame is at T + 159, the allowed lateness 5 s: the last second that must be there is T + 153."""
    found = recounted(with_published(counted, lambda seconds: seconds[:154]))
    assert (found["compared"]["seconds"], found["not_closed_yet"]["seconds"]) == (154, 6)


def test_what_frames_after_the_position_may_change_is_not_compared(counted: Application) -> None:
    seconds, minutes = (rows(counted.read(role)) for role in ROLES)
    publish(counted, "seconds", [*seconds[:90], edited(seconds[90], num_of_frames=1)])
    publish(counted, "minutes", minutes[:1])
    commit(counted, {0: 70, 1: 72})  # the newest frames before are at T + 69 and T + 71
    found = recounted(counted)
    assert (found["verdict"], found["compared"]) == ("agrees", {"seconds": 64, "minutes": 1})
    [remark] = found["remarks"]
    assert "has frames after those that the job had read at its last checkpoint" in remark


def test_records_of_an_open_transaction_are_not_missing(counted: Application) -> None:
    seconds, minutes = (rows(counted.read(role)) for role in ROLES)
    publish(counted, "seconds", seconds[:100])
    publish(counted, "minutes", minutes[:2])
    open_one = publish(counted, "seconds", seconds[100:154], ends=False)
    commit(counted, {number: len(frames(number)) for number in range(PARTITIONS)})
    assert recounted(counted)["compared"]["seconds"] == 100
    open_one.abort_transaction(TIMEOUT_S)
    assert recounted(counted, exit_code=1)["counts"] == {"missing": 54}


def test_a_frame_that_flink_may_count_is_named_if_records_differ(own: Application) -> None:
    own.send([b'{"ts":%d,"uid":7}' % (T + 159)], timestamp=(T + 159) * 1000)
    with_published(own, lambda seconds: [*seconds[:-1], edited(seconds[-1], num_of_frames=3)])
    commit(own, {0: len(frames(0)) + 1})
    said = own.run("flink", "verify", "--recount", exit_code=1)
    assert "3 invalid frames did not count here" in said.replace("\n", " ")


def test_frames_that_flink_takes_for_future_ones_are_named(own: Application) -> None:
    """The application counts them once the frames after them prove them."""
    own.send([frame(T + 1_000 + nth, "ahead") for nth in range(3)], timestamp=T * 1000)
    commit(own, {0: len(frames(0)) + 3, 1: len(frames(1))})
    seconds, minutes = (rows(own.read(role)) for role in ROLES)
    publish(own, "seconds", seconds)
    publish(own, "minutes", minutes)
    found = recounted(own)
    assert found["verdict"] == "agrees"
    [remark] = [each for each in found["remarks"] if "FUTURE_LIMIT_S" in each]
    assert "more than FUTURE_LIMIT_S after their Kafka timestamps: 3;" in remark


def test_a_job_without_a_position_cannot_be_recounted(counted: Application) -> None:
    said = counted.run("flink", "verify", "--recount", exit_code=7)
    assert "it is not known which frames" in said
