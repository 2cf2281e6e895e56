"""Frames that keep coming while Flink counts, and what has to hold of its records in the end."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer

from metrics.frames.core.frame import Frame
from metrics.frames.flink import jobs
from metrics.frames.flink.gateway import session
from tests.frames.core.message import read_frame
from tests.frames.flink import inputs
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.inputs import GAP_LIMIT_S, Frames
from tests.frames.flink.records import TIMEOUT_S, Written, eventually, run, written
from tests.kafka.application import Application, happened_ms

FLINK = "-flink"
PACE_S = 0.05  # for the frames of a second of event time


class Feed:
    """Frames that keep coming until they are ended.

    Attributes:
        seconds: of event time that are sent.
    """

    def __init__(self, application: Application, seed: int) -> None:
        self._topic = application.topic("frames")
        self._producer = Producer({"bootstrap.servers": application.bootstrap_servers})
        self._parts = inputs.endless(seed)
        self._newest = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seconds = 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def end(self) -> None:
        """Stop, and send for each partition a frame that closes every window before it."""
        self.stop()
        self._send(inputs.last(self._newest))
        assert self._producer.flush(TIMEOUT_S) == 0

    def stop(self) -> None:
        """Stop."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(PACE_S):
            self._send(next(self._parts))
            self.seconds += 1

    def _send(self, partitions: Frames) -> None:
        for partition, frames in enumerate(partitions):
            for frame in frames:
                if isinstance(read := read_frame(frame), Frame):
                    self._newest = max(self._newest, read.ts)
                self._producer.produce(self._topic, frame, partition=partition, timestamp=happened_ms(frame))
        self._producer.poll(0)


@contextmanager
def feeding(application: Application, flink: Cluster, draw: random.Random) -> Iterator[Feed]:
    """Let frames come, of which Flink is to count some."""
    application.variables |= {"FLINK_URL": flink.url, "GAP_LIMIT_S": f"{GAP_LIMIT_S}"}
    application.create_topics(inputs.PARTITIONS)
    feed = Feed(application, draw.randrange(10**6))
    feed.start()
    try:
        yield feed
    finally:
        feed.stop()


def count(application: Application, flink: Cluster, parallelism: int, *restored: str) -> str:
    """Let Flink count, and return the id of the job once it has published something."""
    run(application, "flink", "run", "--parallelism", f"{parallelism}", *restored)
    before = published(application)
    with session(flink.url) as gateway:
        job = jobs.running_job(gateway, application.name + FLINK)
    assert job is not None
    eventually(lambda: published(application) > before, "something is published")
    return job.id


def published(application: Application) -> int:
    """Return the number of seconds that Flink has published."""
    return len(application.read(f"seconds{FLINK}"))


def newest_checkpoint(flink: Cluster, job_id: str) -> Path:
    """Return the newest complete checkpoint of a job."""
    found = (flink.folder / "checkpoints").rglob(f"{job_id}/chk-*/_metadata")
    return max((file.parent for file in found), key=lambda folder: int(folder.name.removeprefix("chk-")))


def require_equal(application: Application, prefix: list[list[Written]]) -> None:
    """Check that Flink publishes all windows that the frames have closed, and had published a part of them before."""
    run(application, "--until-end")
    expected = [records[:-1] for records in written(application)]  # the last frame's window is open without an end
    eventually(lambda: [*map(len, written(application, FLINK))] >= [*map(len, expected)], "all windows are published")
    assert written(application, FLINK) == expected
    assert prefix == [records[: len(part)] for records, part in zip(expected, prefix, strict=True)]
    assert 0 < len(prefix[0]) < len(expected[0])
