"""Outages while Flink counts: of Flink itself, of a broker that freezes, of a disk that is full.

Records are published by a transaction for each checkpoint, which is committed right after it. An outage in between

    frames → records written → checkpoint complete ┊ → transaction committed → records visible

leaves the commit to the restored job, which comes too late once the broker has aborted the transaction.
"""

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage

import pytest

from metrics.frames.flink import script
from metrics.frames.flink.script import Begin
from metrics.frames.flink.switch.handover import hand_over
from metrics.frames.flink.topics import prepare
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import end_offsets, offset_ranges
from metrics.time.deadline import Deadline
from metrics.time.moments import rfc3339
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.feed import FLINK, count, feeding, newest_checkpoint, published, require_equal
from tests.frames.flink.jobs import run, settings_of
from tests.frames.flink.records import TIMEOUT_S, eventually, written
from tests.frames.flink.records import run as start
from tests.kafka import cluster
from tests.kafka.application import LIVE, Application, frame, wait_until
from tests.small_disk import small_disk

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(1_200)]

START = 1_600_000_020  # a full minute
CLOSED_AFTER_S = 6  # a frame closes the seconds that began at least this long before it
ROUNDS = 20
TRANSACTION_S = 25
FROZEN_S = 70  # longer than a client waits for an answer, twice


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """Give one node that ends transactions soon after their time is over."""
    more = "transaction.abort.timed.out.transaction.cleanup.interval.ms=500"
    with cluster.running(tmp_path_factory.mktemp("kafka") / "one", nodes=1, more=more) as one:
        yield one


class Interrupted:
    """Job that is killed after a checkpoint is complete, and before its transaction is committed.

    Attributes:
        lost: the starts of the two seconds in that transaction.
        checkpoint: that checkpoint.
    """

    def __init__(self, application: Application, flink: Cluster, begin: Begin | None, transaction_s: int) -> None:
        self._application = application
        self._flink = flink
        self._settings = settings_of(application)
        self._admin = open_admin(self._settings)
        self.role = "seconds" if begin else f"seconds{FLINK}"
        self.lost: list[int] = []
        self._next = START
        self.send(CLOSED_AFTER_S)
        job_id = run(flink, _by_hand(script.statements(self._settings, begin), transaction_s), until_end=False)
        completed = f"/jobs/{job_id}/checkpoints"
        eventually(lambda: flink.rest(completed)["counts"]["completed"] == 1, "the one at the start is complete")
        self._interrupt(job_id)
        flink.kill_all()
        self.checkpoint = newest_checkpoint(flink, job_id)
        flink.stop()

    def _interrupt(self, job_id: str) -> None:
        workers = [process.pid for process in self._flink.task_managers().values()]
        for number in range(2, ROUNDS + 2):
            self.lost = self._two_more_seconds()
            self._flink.post(f"/jobs/{job_id}/checkpoints", {"checkpointType": "FULL"})
            metadata = self._flink.folder / "checkpoints" / job_id / f"chk-{number}" / "_metadata"
            deadline = Deadline(TIMEOUT_S)
            while not metadata.exists():
                assert not deadline.has_passed(), "the checkpoint is not completed"
            for pid in workers:
                os.kill(pid, signal.SIGSTOP)
            # What the committer has sent already takes the broker some milliseconds.
            if not Deadline(1).poll(lambda: not self.is_open(), until=bool):
                return
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
        raise AssertionError("the task managers were too fast in every round")

    def _two_more_seconds(self) -> list[int]:
        """Send the frames that close two more seconds, and wait until these are written."""
        wait_until(lambda: not self.is_open(), "the transaction before is committed")
        written_before = self._end()
        self.send(2)
        wait_until(lambda: self._end() == written_before + 2, "two records are written")
        return [self._closed() - 1, self._closed()]

    def send(self, seconds: int) -> None:
        """Send a frame for each of the next seconds."""
        frames = [frame(second, "a") for second in range(self._next, self._next + seconds)]
        self._application.send(frames, timestamp=LIVE)
        self._next += seconds

    def is_open(self) -> bool:
        """Return whether a transaction with records is open."""
        topic = self._application.topic(self.role)
        return offset_ranges(self._admin, topic, 1)[0].high != self._end()

    def _closed(self) -> int:
        """Return the second that is closed last by what was sent."""
        return self._next - 1 - CLOSED_AFTER_S

    def _end(self) -> int:
        topic = self._application.topic(self.role)
        return end_offsets(self._admin, topic, 1)[0]

    def continue_by(self, *command: str) -> None:
        """Start Flink again, let the job continue from the checkpoint, and wait until it has published ten more."""
        self._flink.start()
        self._application.variables["FLINK_URL"] = self._flink.url
        start(self._application, *command, "--restore", f"{self.checkpoint}")
        self.send(10)
        eventually(lambda: self.keys()[-1:] == [rfc3339(self._closed())], "ten more seconds are published")

    def keys(self) -> list[str]:
        """Return the moments of the seconds that are published."""
        return [(message.key() or b"").decode() for message in self._application.read(self.role)]


def _by_hand(statements: list[str], transaction_s: int) -> list[str]:
    """Return statements after which checkpoints are made on demand only."""
    text = "\n;;\n".join(statements)
    for old, new in (
        ("interval' = '1 s'", "interval' = '1 h'"),
        ("timeout.ms' = '600000'", f"timeout.ms' = '{transaction_s}000'"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text.split("\n;;\n")


def moments(last: int) -> list[str]:
    """Return the seconds from the first one to one, as keys."""
    return [rfc3339(second) for second in range(START, last + 1)]


def test_an_outage_longer_than_its_transaction_loses_exactly_the_windows_in_it(
    kafka: cluster.Cluster, flink: Cluster
) -> None:
    application = Application(kafka.address)
    application.create_topics()
    settings = settings_of(application)
    prepare(open_admin(settings), settings)
    job = Interrupted(application, flink, None, TRANSACTION_S)
    wait_until(lambda: not job.is_open(), "the broker has aborted the transaction")
    job.continue_by("flink", "run")
    application.run("--until-end")
    counted = written(application)[0]
    found = written(application, FLINK)[0]
    lost = [rfc3339(second).encode() for second in job.lost]
    assert found == [record for record in counted[: len(found) + 2] if record.key not in lost]
    assert [record.key for record in counted if record.key in lost] == lost
    verdict = application.answer("flink", "verify", "--json", exit_code=1)["sizes"][0]
    assert verdict["first"]["application"]["key"] == rfc3339(job.lost[0])
    assert verdict["first"]["flink"]["key"] == rfc3339(job.lost[1] + 1)


def test_a_group_does_not_come_back_after_such_an_outage(kafka: cluster.Cluster, flink: Cluster) -> None:
    application = Application(kafka.address)
    application.create_topics()
    begin = hand_over(settings_of(application), lambda _: None, until_end=False).begin
    job = Interrupted(application, flink, begin, TRANSACTION_S)
    wait_until(lambda: not job.is_open(), "the broker has aborted the transaction")
    job.continue_by("flink", "run", "--from-group")
    refused = application.run("flink", "stop", "--to-group", exit_code=7)
    assert "Flink has published a second that the application would not have published" in refused
    assert f"published: {rfc3339(job.lost[1] + 1)}" in refused
    assert f"expected:  {rfc3339(job.lost[0])}" in refused


def test_a_shorter_outage_loses_nothing(kafka: cluster.Cluster, flink: Cluster) -> None:
    application = Application(kafka.address)
    application.create_topics()
    settings = settings_of(application)
    prepare(open_admin(settings), settings)
    job = Interrupted(application, flink, None, transaction_s=600)
    assert job.is_open()
    before = job.keys()
    job.continue_by("flink", "run")
    assert before == moments(job.lost[0] - 1)
    assert job.keys() == moments(job.lost[1] + 10)


def test_a_broker_that_is_frozen_for_a_minute_costs_no_record(
    kafka: cluster.Cluster, flink: Cluster, draw: random.Random
) -> None:
    application = Application(kafka.address)
    with feeding(application, flink, draw) as feed:
        count(application, flink, 2)
        [node] = kafka.nodes
        with node.frozen():
            threading.Event().wait(FROZEN_S)
        before = written(application, FLINK)
        eventually(lambda: published(application) > len(before[0]), "the job goes on")
        feed.end()
    require_equal(application, before)


def test_a_full_disk_under_flink_costs_no_record(application: Application, tmp_path: Path, draw: random.Random) -> None:
    own = Cluster(tmp_path / "disk")
    with small_disk(own.folder, "400m"):
        own.start()
        try:
            with feeding(application, own, draw) as feed:
                job_id = count(application, own, 2)
                fill(own.folder)
                eventually(
                    lambda: own.rest(f"/jobs/{job_id}/checkpoints")["counts"]["failed"] > 0, "a checkpoint fails"
                )
                eventually(lambda: own.restored(job_id) is not None, "the job is restored")
                empty(own.folder)
                before = written(application, FLINK)
                eventually(lambda: published(application) > len(before[0]), "the job goes on")
                fill(own.folder)
                eventually(lambda: own.states()[job_id] == "FAILED", "the job gives up")
                empty(own.folder)
                count(application, own, 1, "--restore", f"{newest_checkpoint(own, job_id)}")
                feed.end()
            require_equal(application, before)
        finally:
            own.stop()


def fill(folder: Path) -> None:
    """Take all that is free on a disk."""
    with (folder / "ballast").open("ab", buffering=0) as ballast, suppress(OSError):
        while True:
            ballast.write(bytes(1 << 12))
    assert disk_usage(folder).free < 1 << 12


def empty(folder: Path) -> None:
    """Give it back."""
    (folder / "ballast").unlink()
