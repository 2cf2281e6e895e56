"""The live view kept up to date by threads, on real Kafka."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Producer

from metrics.frames.live.reader import Reader
from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.status.facts import Activity
from metrics.kafka import local_broker
from tests.frames.job.test_broker_outages import java_of
from tests.kafka.application import Application, frame, wait_until

pytestmark = pytest.mark.slow

T = 1468244340  # 2016-07-11T13:39:00Z


@contextmanager
def reading(application: Application, **variables: str) -> Iterator[LiveView]:
    """Give a live view that is kept up to date, of as much as the variables say."""
    settings = Settings.load(application.environment() | variables)
    keep = {size: settings.keep(size) for size in SIZES}
    live = LiveView(keep)
    reader = Reader(settings, live, keep)
    reader.start()
    yield live
    reader.stop()
    reader.join(20)
    assert not any(thread.is_alive() for thread in reader._threads)


def frames(start: int, end: int) -> list[bytes]:
    """Return a frame a second, and one that lets all of their seconds close."""
    return [frame(ts, f"user {ts % 7}") for ts in [*range(start, end), end + 60]]


def seconds(live: LiveView) -> list[tuple[int, int]]:
    return [(result.window.start, result.window.number) for result in live.newest(1, 100_000)]


def test_existing_results_are_read_and_new_ones_follow(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, frames(T, T + 120))
    application.run("--until-end")
    with reading(application) as live:
        wait_until(lambda: live.why_not_ready() is None, "it is ready")
        assert [result.value for result in live.newest(1, 10_000)] == [
            message.value() for message in application.read("seconds")
        ]
        assert [result.value for result in live.newest(60, 10_000)] == [
            message.value() for message in application.read("minutes")
        ]
        assert live.status is not None
        assert live.status.instance.activity == Activity.STOPPED
        assert live.status.frames.consumed == 121
        application.send([*frames(T + 240, T + 300), b"no frame"])
        application.run("--until-end")
        wait_until(lambda: len(seconds(live)) == len(application.seconds()), "it has followed")
        assert seconds(live) == [(start, number) for start, number, _, _ in application.seconds()]
        wait_until(lambda: len(live.rejected) == 1, "it has read what was rejected")
        assert (live.rejected[0].reason, live.rejected[0].beginning) == ("not_json", "no frame")


def test_foreign_records_in_the_topics_are_ignored(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, frames(T, T + 10))
    application.run("--until-end")
    published = [(start, number) for start, number, _, _ in application.seconds()]
    producer = Producer({"bootstrap.servers": application.bootstrap_servers})
    producer.produce(application.topic("seconds"), b"no record", b"no key")
    producer.produce(application.topic("minutes"), None, b"no key")
    producer.produce(application.topic("rejected"), None, headers={"cut_from_bytes": b"many", "reason": b"\xff"})
    producer.flush()
    with reading(application) as live:
        wait_until(lambda: live.why_not_ready() is None and len(live.rejected) == 1, "it is ready")
        assert (live.rejected[0].reason, live.rejected[0].size_bytes) == ("\N{REPLACEMENT CHARACTER}", 0)
        assert seconds(live) == published


def test_only_the_windows_to_keep_are_read(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, frames(T, T + 3_000))
    application.run("--until-end")
    newest = application.seconds()[-60:]
    with reading(application, KEEP_SECONDS="60", KEEP_MINUTES="60") as live:
        wait_until(lambda: live.why_not_ready() is None, "it is ready")
        assert seconds(live) == [(start, number) for start, number, _, _ in newest]


def test_a_missing_topic_is_reported_and_read_once_it_exists(application: Application, tmp_path: Path) -> None:
    with reading(application) as live:
        wait_until(lambda: live.outage is not None, "it reports what is wrong")
        assert live.outage is not None
        assert f" missing on {application.bootstrap_servers}, " in live.outage.what
        assert not live.has_begun
        application.prepare(tmp_path, frames(T, T + 10))
        wait_until(lambda: live.why_not_ready() is None, "all is well")
        application.run("--until-end")
        wait_until(lambda: len(seconds(live)) == len(application.seconds()) > 0, "results come")


def test_a_topic_that_is_recreated_is_read_again(application: Application, tmp_path: Path) -> None:
    application.prepare(tmp_path, frames(T, T + 120))
    application.run("--until-end")
    with reading(application) as live:
        wait_until(lambda: live.why_not_ready() is None, "it is ready")
        application.delete_topic("seconds")
        application.create_topic("seconds", cleanup_policy="compact")
        wait_until(lambda: seconds(live) == [], "the new topic is read")
        assert len(live.newest(60, 10)) == len(application.minutes())
        application.send(frames(T + 240, T + 250))
        application.run("--until-end")
        wait_until(lambda: len(seconds(live)) == len(application.seconds()), "it has followed")
        wait_until(lambda: live.why_not_ready() is None, "all is well")


def test_reading_resumes_after_the_broker_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    with ExitStack() as closing:
        with local_broker.running(folder, print) as address:
            application = Application(address)
            application.prepare(tmp_path, frames(T, T + 120))
            application.run("--until-end")
            live = closing.enter_context(reading(application))
            wait_until(lambda: live.why_not_ready() is None, "it is ready")
            before = seconds(live)
            for broker in java_of(folder):
                broker.kill()
            wait_until(lambda: live.outage is not None, "it reports that the broker is away")
            assert seconds(live) == before
        with local_broker.running(folder, print):
            wait_until(lambda: live.why_not_ready() is None, "it is ready again")
            application.send(frames(T + 240, T + 250))
            application.run("--until-end")
            wait_until(lambda: seconds(live)[-1] == (T + 310, 1), "results come again")
