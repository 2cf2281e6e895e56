"""Application, Flink, application: on a real broker and a real local Flink, by the commands that a user runs."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from metrics.frames.flink import local_cluster, local_jobs
from metrics.frames.flink.topics import prepare
from metrics.frames.producer import generator
from metrics.kafka.clients import open_admin
from metrics.time.deadline import Deadline
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.jobs import settings_of
from tests.frames.flink.switch.test_handover import HANDED_OVER, WHY, check_equal
from tests.kafka.application import LIVE, TIMEOUT_S, Application, finish, wait_until

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = [pytest.mark.slow, pytest.mark.flink, pytest.mark.timeout(1_500)]


def thirds(partition: int) -> Iterator[list[bytes]]:
    """Yield the frames of 300 s in three parts: delayed, some of them late; messages that are no frames; two gaps."""
    found = list(generator.frames(count=9_000, rate=30, users=200, delay_s=9, delay_probability=0.05, seed=partition))
    del found[4_000:4_500], found[6_500:7_000]
    for place in range(300, len(found), 500):
        found.insert(place, b"no frame")
    for start in range(0, len(found), 2_700):
        yield found[start : start + 2_700]


START_TIMEOUT_S = 400.0  # of a cluster of four Java processes, on a busy machine
PARTS = list(zip(*map(thirds, range(2)), strict=True))


def send(application: Application, part: int) -> None:
    """Send a third, and begin it with frames of a transaction that is aborted: no reader may count them."""
    producer = application.producer_in_transactions()
    producer.begin_transaction()
    for frame in PARTS[part][0][:20]:
        producer.produce(application.topic("frames"), frame, partition=0)
    assert producer.flush(TIMEOUT_S) == 0
    producer.abort_transaction(TIMEOUT_S)
    for partition, frames in enumerate(PARTS[part]):
        application.send(frames, partition, timestamp=LIVE)


@pytest.fixture(scope="module")
def whole(bootstrap_servers: str) -> Application:
    """Give an application that has counted everything without a switch."""
    application = Application(bootstrap_servers)
    application.create_topics(2)
    for part in range(3):
        send(application, part)
    application.run("--until-end")
    return application


def switched_in(folder: Path, bootstrap_servers: str) -> Application:
    """Return an application with the first third, and a local Flink in a folder."""
    application = Application(bootstrap_servers, {"IDLE_S": "100", "LOCAL_FLINK_DIR": str(folder)})
    application.create_topics(2)
    send(application, 0)
    return application


def count_first_third(application: Application, how: signal.Signals) -> None:
    """Count, and end the application in the middle: the end of the third is not the end of a window."""
    process = application.start()
    wait_until(lambda: application.position(1) == len(PARTS[0][1]), "the first third is read")
    process.send_signal(how)
    process.communicate(timeout=TIMEOUT_S)


def started_on_flink(application: Application) -> "Popen[str]":
    """Start Flink, and wait until it has published windows after those of the application."""
    before = len(application.read("seconds"))
    process = application.start("flink", "run", "--from-group", "--parallelism", "2")

    def has_published() -> bool:
        return len(application.read("seconds")) > before + 40 or process.poll() is not None

    assert Deadline(START_TIMEOUT_S).poll(has_published, until=bool)
    return process


def test_an_application_goes_to_flink_and_back_and_every_record_is_as_without(
    bootstrap_servers: str, flink: Cluster, whole: Application
) -> None:
    switched = switched_in(flink.folder, bootstrap_servers)
    count_first_third(switched, signal.SIGTERM)
    send(switched, 1)
    process = started_on_flink(switched)
    assert HANDED_OVER in switched.run(exit_code=7)
    assert HANDED_OVER in switched.run("flink", "run", exit_code=7)
    said = switched.run("flink", "stop", "--to-group")
    assert "is back; published: " in said
    finish(process)
    send(switched, 2)
    switched.run("--until-end")
    check_equal(switched, whole, WHY)  # markers of transactions are at other offsets
    assert switched.answer("verify", "--json")["verdict"] == "agrees"
    settings = settings_of(switched)
    admin = open_admin(settings)
    own = local_jobs.states(settings, admin, settings.flink_name, prepare(admin, settings))
    assert own.newest() is None  # they are kept apart


@pytest.mark.long
def test_an_application_and_flink_that_are_killed_lose_and_double_no_window(
    bootstrap_servers: str, tmp_path: Path, whole: Application
) -> None:
    switched = switched_in(tmp_path, bootstrap_servers)
    count_first_third(switched, signal.SIGKILL)
    send(switched, 1)
    process = started_on_flink(switched)
    for java in local_cluster.found(tmp_path).values():
        java.kill()
    process.kill()
    process.communicate()
    send(switched, 2)
    process = switched.start("flink", "run", "--from-group", "--parallelism", "2", "--until-end")
    assert process.wait(START_TIMEOUT_S) == 0  # it begins as of what is published, without a savepoint
    assert HANDED_OVER in switched.run(exit_code=7)
    switched.run("flink", "stop", "--to-group")
    check_equal(switched, whole, WHY)  # markers of transactions are at other offsets
    assert switched.answer("verify", "--json")["verdict"] == "agrees"
