"""Dead letters by Flink: those of the application, on a real broker and a real Flink."""

import json
from typing import NamedTuple

import pytest
from confluent_kafka import Message, Producer

from metrics.frames.core.frame import Frame, Rejection
from metrics.frames.flink import rejected
from metrics.frames.flink.topics import prepare_rejected
from metrics.kafka.clients import open_admin
from metrics.kafka.record_metadata import headers_of
from metrics.wording.errors import TopicError
from tests.frames.core.message import read_frame
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.jobs import create_topic, run, settings_of
from tests.frames.flink.kinds import INVALID, VALID, at, mixed
from tests.kafka.application import TIMEOUT_S, Application

pytestmark = [pytest.mark.broker, pytest.mark.flink]

START = 1_600_000_000


class Letter(NamedTuple):
    """Dead letter, without two headers: event time, which takes a state, and the detail of frames that are no JSON."""

    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: dict[str, str]

    @classmethod
    def of(cls, message: Message) -> "Letter":
        headers = {
            name: value.decode()
            for name, value in headers_of(message) or []
            if isinstance(value, bytes) and name != "event_time"
        }
        if headers["reason"] == "not_json":
            del headers["detail"]
        return cls(message.key(), message.value(), message.timestamp()[1], headers)


def letters(application: Application, role: str) -> dict[tuple[int, int], Letter]:
    """Return the dead letters of a topic by partition and offset in the input."""
    found = [Letter.of(message) for message in application.read(role)]
    by_place = {(int(letter.headers["partition"]), int(letter.headers["offset"])): letter for letter in found}
    assert len(by_place) == len(found)
    return by_place


@pytest.mark.parametrize("kind", INVALID)
def test_the_application_gives_each_kind_the_reason_that_is_listed(kind: str) -> None:
    value, reason = INVALID[kind]
    found = read_frame(at(value, START))
    assert isinstance(found, Rejection)
    assert found.reason == reason


@pytest.mark.parametrize("kind", VALID)
def test_the_application_counts_the_valid_ones(kind: str) -> None:
    assert isinstance(read_frame(at(VALID[kind], START)), Frame)


def abort(application: Application) -> None:
    """Send an invalid frame in a transaction that is aborted: there is no such frame."""
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    producer.produce(application.topic("frames"), b"never sent", partition=0)
    assert producer.flush(TIMEOUT_S) == 0
    producer.abort_transaction(TIMEOUT_S)


@pytest.mark.slow
def test_frames_of_all_kinds_have_the_dead_letters_of_the_application(application: Application, flink: Cluster) -> None:
    application.create_topics(partitions=2)
    abort(application)
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for nth, (kind, value) in enumerate(mixed(START, 2 * len(INVALID))):
        key, timestamp_ms = None if nth % 5 == 0 else kind, (START + nth) * 1000 + 7
        producer.produce(application.topic("frames"), value, key, nth % 4 // 2, timestamp=timestamp_ms)
    assert producer.flush(TIMEOUT_S) == 0
    application.run("--until-end")
    settings = settings_of(application)
    create_topic(settings, settings.flink_rejected_topic)
    run(flink, rejected.statements(settings, parallelism=2, until_end=True))
    found = letters(application, "rejected-flink")
    assert found == letters(application, "rejected")
    assert len(found) == 2 * len(INVALID)


@pytest.mark.slow
def test_a_frame_far_ahead_of_its_kafka_timestamp_is_in_the_future(application: Application, flink: Cluster) -> None:
    application.create_topics()
    for ahead in (0, 300, 301):
        application.send([json.dumps({"ts": START + ahead, "uid": "a"}).encode()], timestamp=START * 1000)
    settings = settings_of(application)
    application.variables["FLINK_URL"] = flink.url
    application.run("flink", "run", "--rejected", "--until-end")
    [letter] = letters(application, "rejected-flink").values()
    assert letter.headers == {
        "reason": "future",
        "detail": "ts is 301 s after the Kafka timestamp",
        "topic": settings.input_topic,
        "partition": "0",
        "offset": "2",
        "ts": f"{START + 301}",
    }


def test_a_topic_that_is_too_small_for_a_frame_with_headers_is_refused(application: Application) -> None:
    application.create_topics()
    application.create_topic("rejected-flink", max_message_bytes="4000000")
    settings = settings_of(application)
    with pytest.raises(TopicError, match="too small for the dead letters") as refused:
        prepare_rejected(open_admin(settings), settings)
    assert "max.message.bytes=4198400" in refused.value.hint
