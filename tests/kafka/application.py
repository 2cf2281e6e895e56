"""The application as its user runs it: `python app.py …` in a process, with topics and a group of its own."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from metrics.frames import topics_in_use
from metrics.frames.core.frame import Frame
from metrics.frames.saved_state import SavedState
from metrics.frames.settings import Settings
from metrics.frames.start_state import saved_state
from metrics.kafka import topic_changes
from metrics.kafka.clients import open_admin
from metrics.kafka.offsets import offset_ranges
from tests.frames.core.message import read_frame
from tests.reference import Sent

PROJECT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 60.0
LIVE = -1  # stands for the timestamps of records that were written when their frames happened

# Whatever became of a test, what it started is ended after it.
STARTED: list[subprocess.Popen[str]] = []


@dataclass
class Application:
    """One set of topics and one consumer group on a real broker.

    Attributes:
        variables: environment variables beside those that name the broker, the topics and the group.
    """

    bootstrap_servers: str
    variables: dict[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:12]}")

    def topic(self, role: str) -> str:
        return f"{self.name}-{role}"

    def environment(self) -> dict[str, str]:
        own = {
            "BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "CONSUMER_GROUP_ID": self.name,
            "INPUT_TOPIC": self.topic("frames"),
            "SEC_METRICS_OUTPUT_TOPIC": self.topic("seconds"),
            "MIN_METRICS_OUTPUT_TOPIC": self.topic("minutes"),
            "REJECTED_TOPIC": self.topic("rejected"),
        }
        return os.environ | own | self.variables

    def command(self, *arguments: str | Path) -> list[str | Path]:
        """Return the command line that runs the application."""
        return [sys.executable, PROJECT / "app.py", *arguments]

    def start(self, *arguments: str | Path, stdin: int | None = None) -> subprocess.Popen[str]:
        """Start the application and leave it running, until the end of the test at the latest."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=self.environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        STARTED.append(process)
        return process

    def run(self, *arguments: str | Path, exit_code: int = 0) -> str:
        """Run the application to its end, see its exit code, and return what it printed."""
        return finish(self.start(*arguments), exit_code)

    def status(self) -> dict[str, Any]:
        """Return what `status --json` says, which is one JSON object and nothing else."""
        return self.answer("status", "--json")

    def answer(self, *arguments: str | Path, exit_code: int = 0) -> dict[str, Any]:
        """Run the application to its end, and return the JSON object that it printed on standard output."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == exit_code, f"exit code {process.returncode}\n{output}\n{errors}"
        return dict(json.loads(output))

    def prepare(self, folder: Path, frames: Iterable[bytes], *arguments: str) -> str:
        """Create the topics and feed frames."""
        file = folder / "frames.jsonl"
        file.write_bytes(b"".join(frame + b"\n" for frame in frames))
        return self.run("prepare-topics", file, *arguments)

    def create_topics(self, partitions: int = 1) -> None:
        """Create the topics, as `prepare-topics` does in a process of its own, and wait until their leaders answer."""
        settings = Settings.load(self.environment())
        admin, replicas = open_admin(settings), topic_changes.BROKERS_DEFAULT
        for topic in topics_in_use.create(admin, settings, partitions=partitions, replication_factor=replicas):
            offset_ranges(admin, topic, len(admin.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions))

    def send(self, frames: Iterable[bytes | None], partition: int = 0, **how: Any) -> None:
        """Send frames to a partition of the input topic, with a key, headers or a timestamp if one is given.

        With the timestamp LIVE, each record has that of its own frame.
        """
        is_live = how.get("timestamp") == LIVE
        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "message.max.bytes": 16_000_000})
        for frame in frames:
            while len(producer) > 50_000:
                producer.poll(0.1)
            if is_live:
                how["timestamp"] = happened_ms(frame)
            producer.produce(self.topic("frames"), frame, partition=partition, **how)
        assert producer.flush(TIMEOUT_S) == 0

    def producer_in_transactions(self) -> Producer:
        """Return a producer that is ready to begin its first transaction."""
        producer = Producer({"bootstrap.servers": self.bootstrap_servers, "transactional.id": f"{self.name}-in"})
        producer.init_transactions(TIMEOUT_S)
        return producer

    def create_topic(self, role: str, **config: str) -> None:
        """Create a topic with settings of its own, named with _ for each dot."""
        named = {name.replace("_", "."): value for name, value in config.items()}
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        topic = NewTopic(self.topic(role), 1, 1, config=named)
        admin.create_topics([topic])[topic.topic].result(TIMEOUT_S)

    def delete_topic(self, role: str) -> None:
        """Delete a topic, and wait until it is gone."""
        topic = self.topic(role)
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        admin.delete_topics([topic])[topic].result(TIMEOUT_S)
        wait_until(lambda: topic not in admin.list_topics(timeout=TIMEOUT_S).topics, "the topic is gone")

    def read(self, role: str) -> list[Message]:
        """Return all committed records of a topic, partition by partition."""
        settings = {
            "bootstrap.servers": self.bootstrap_servers,
            "group.id": f"{self.name}-reader",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,  # the broker waits this long at the end, by default for half a second
            "auto.offset.reset": "earliest",
        }
        consumer = Consumer(settings)
        messages: list[Message] = []
        try:
            topic = self.topic(role)
            partitions = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
            for partition in sorted(partitions):
                consumer.assign([TopicPartition(topic, partition, 0)])
                messages += _to_end(consumer)
        finally:
            consumer.close()
        return messages

    def records(self, role: str) -> list[dict[str, Any]]:
        """Return the committed records of a topic, decoded."""
        return [json.loads(message.value() or b"") for message in self.read(role)]

    def seconds(self) -> list[tuple[int, int, float, int]]:
        """Return the committed seconds as the plain reference writes them."""
        return [
            (record["timestamp"], record["num_of_frames"], record["avg_num_of_frames"], record.get("gap_s", 0))
            for record in self.records("seconds")
        ]

    def minutes(self) -> list[tuple[int, int, float, int, int]]:
        """Return the committed minutes as the plain reference writes them."""
        return [
            (
                record["timestamp"],
                record["unique_users"],
                record["avg_users_per_minute"],
                record.get("gap_s", 0),
                record["num_of_frames"],
            )
            for record in self.records("minutes")
        ]

    def saved_state(self) -> SavedState | None:
        """Return what the group has committed, for all partitions; None before the first commit."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap_servers, "group.id": self.name})
        try:
            topic = self.topic("frames")
            partitions = consumer.list_topics(topic, timeout=TIMEOUT_S).topics[topic].partitions
            return saved_state(consumer, topic, len(partitions))
        finally:
            consumer.close()

    def committed_windows(self, series: str) -> int:
        """Return how many windows the group's committed state says are published."""
        saved = self.saved_state()
        return saved.state.series[{"seconds": 1, "minutes": 60}[series]].windows if saved else 0

    def position(self, partition: int) -> int:
        """Return the committed position in a partition."""
        saved = self.saved_state()
        return saved.state.partitions[partition].position if saved else 0

    def heartbeats(self) -> int:
        """Return how often the instance that is active has committed."""
        saved = self.saved_state()
        return saved.instance.heartbeats if saved else 0


def finish(process: subprocess.Popen[str], exit_code: int = 0) -> str:
    """Wait for the application to end, see its exit code, and return what it printed."""
    try:
        output, errors = process.communicate(timeout=TIMEOUT_S)
    finally:
        process.kill()
    assert process.returncode == exit_code, f"exit code {process.returncode}\n{output}\n{errors}"
    assert "Traceback" not in errors
    return output + errors


def end_all_started() -> None:
    """End what this test has started and left running."""
    while STARTED:
        process = STARTED.pop()
        process.kill()
        with suppress(ValueError):  # it was read to its end, and closed
            process.communicate()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds, at most TIMEOUT_S seconds."""
    give_up_s = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < give_up_s, f"waited in vain until {what}"
        time.sleep(0.05)


def _to_end(consumer: Consumer) -> list[Message]:
    messages: list[Message] = []
    give_up_s = time.monotonic() + TIMEOUT_S
    while time.monotonic() < give_up_s:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error() is not None:
            return messages
        messages.append(message)
    raise AssertionError("the topic has no end")


def frame(ts: int, uid: str) -> bytes:
    """Return a small frame."""
    return json.dumps({"ts": ts, "uid": uid}).encode()


def happened_ms(frame: bytes | None) -> int:
    """Return when a frame happened, in milliseconds since the epoch; 0, which Kafka takes for now, where it is none."""
    read = read_frame(frame)
    return read.ts * 1000 if isinstance(read, Frame) else 0


def timeline(frames: Iterable[bytes]) -> list[Sent]:
    """Read frames as the standard library does, for the plain reference."""
    decoded = (json.loads(line) for line in frames)
    return [Sent(fields["ts"], fields["uid"]) for fields in decoded]
