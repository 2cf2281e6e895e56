"""Dead letters read back, on real Kafka: of which only the beginning is kept, and the whole frame by its place."""

from socket import socket
from threading import Event

import pytest
from confluent_kafka import Producer

from metrics.frames.replay_marks import Place, replayed
from metrics.frames.results.rejected import DeadLetter, latest, read_whole
from metrics.frames.settings import Settings
from metrics.kafka.record_metadata import Headers
from metrics.wording.errors import BrokerError, StateError
from tests.kafka.application import TIMEOUT_S, Application

FRAME = b'{"uid": "1f", "sent": "' + b"x" * 500_000 + b'"}'
HEADERS: Headers = [("reason", b"no_ts"), ("topic", b"frames"), ("partition", b"0"), ("offset", b"12")]


def write(application: Application, *records: tuple[bytes | None, Headers]) -> None:
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    for value, headers in records:
        producer.produce(application.topic("rejected"), value, headers=[*headers], partition=0)
    assert producer.flush(TIMEOUT_S) == 0


def letters(settings: Settings) -> list[DeadLetter]:
    return next(latest(settings, 100, Event(), lambda _: None))


def test_the_whole_frame_of_a_dead_letter_is_read_by_its_place(application: Application) -> None:
    application.create_topics()
    settings = Settings.load(application.environment())
    mark = replayed("frames", [Place("frames", 0, 11)])
    write(application, mark, (FRAME, HEADERS), (None, [*HEADERS, ("replay_of", b"frames/0 offset 3")]))
    whole, empty = letters(settings)
    assert whole.record == Place(application.topic("rejected"), 0, 1)
    assert (whole.size_bytes, whole.kept_bytes, len(whole.beginning), whole.replay_of) == (500_025, 500_025, 200, None)
    assert read_whole(settings, whole) == FRAME
    assert empty.replay_of == "frames/0 offset 3"
    assert read_whole(settings, empty) is None


def test_a_frame_whose_record_is_another_one_by_now_is_gone(application: Application) -> None:
    application.create_topics()
    settings = Settings.load(application.environment())
    write(application, (b"no frame", HEADERS))
    [letter] = letters(settings)
    application.delete_topic("rejected")
    application.create_topic("rejected")
    with pytest.raises(StateError, match="rejected/0 offset 0 is gone"):
        read_whole(settings, letter)
    write(application, (b"no frame either", HEADERS))
    with pytest.raises(StateError, match="rejected/0 offset 0 is gone"):
        read_whole(settings, letter)


def test_without_an_answer_from_the_broker_a_frame_cannot_be_read() -> None:
    letter = DeadLetter("no_ts", "", "frames/0 offset 1", None, 2, "{}", Place("frames-rejected", 0, 5), 2, None)
    with socket() as refusing:  # nobody listens
        refusing.bind(("127.0.0.1", 0))
        settings = Settings.load({"BOOTSTRAP_SERVERS": f"127.0.0.1:{refusing.getsockname()[1]}"})
        with pytest.raises(BrokerError, match="frames-rejected/0 offset 5 cannot be read") as raised:
            read_whole(settings, letter)
    assert raised.value.why == "no answer from the broker within 5 s"
