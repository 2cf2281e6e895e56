"""Bytewax: its Kafka operators, two window operators with an event clock, orjson.

Written as its pages on Kafka, windowing and performance recommend. One worker, since only one can read a partition.
Windows are folded in order of arrival: according to its reference, sorting by time is slower, and counts need no order.
"""

import atexit
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window

from benchmark.contract import LATENESS_S, Task, report

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = "all"  # windows are per key: there is one

Frame = tuple[datetime, str]


class Decoded:
    """Decoder of frames that notes their number and the time of the first one.

    Attributes:
        frames: how many so far.
        first_at_s: when the first one came, by `time.monotonic`.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.first_at_s = 0.0

    def __call__(self, message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, Frame]:
        """Return a frame's time and user, under the common key."""
        if not self.frames:
            self.first_at_s = monotonic()
        self.frames += 1
        frame = orjson.loads(message.value)
        return KEY, (datetime.fromtimestamp(frame["ts"], UTC), frame["uid"])


def add_user(users: set[str], frame: Frame) -> set[str]:
    """Add a frame's user to those of its minute."""
    users.add(frame[1])
    return users


def dataflow(task: Task, decoded: Decoded) -> Dataflow:
    """Build the dataflow."""
    brokers = [task.bootstrap_servers]
    flow = Dataflow("frames")
    # By default, librdkafka's fetcher sleeps for a second whenever its queue is full.
    received = kop.input(
        "frames",
        flow,
        brokers=brokers,
        topics=[task.input_topic],
        tail=False,
        add_config={"fetch.queue.backoff.ms": "5"},
    )
    frames = op.map("decode", received.oks, decoded)
    clock = EventClock(ts_getter=lambda frame: frame[0], wait_for_system_duration=timedelta(seconds=LATENESS_S))

    def windows(name: str, length: timedelta, builder: Any, folder: Any, merger: Any) -> Any:
        windower = TumblingWindower(length=length, align_to=EPOCH)
        return fold_window(
            name, frames, clock, windower, builder=builder, folder=folder, merger=merger, ordered=False
        ).down

    seconds = windows("seconds", SECOND, int, lambda count, _: count + 1, lambda one, other: one + other)
    minutes = windows("minutes", MINUTE, set, add_user, set.union)

    def second(keyed: tuple[str, tuple[int, int]]) -> KafkaSinkMessage[None, bytes]:
        _, (number, count) = keyed
        return KafkaSinkMessage(None, orjson.dumps({"timestamp": number, "num_of_frames": count}))

    def minute(keyed: tuple[str, tuple[int, set[str]]]) -> KafkaSinkMessage[None, bytes]:
        _, (number, users) = keyed
        return KafkaSinkMessage(None, orjson.dumps({"timestamp": 60 * number, "unique_users": len(users)}))

    kop.output("to_seconds", op.map("second", seconds, second), brokers=brokers, topic=task.seconds_topic)
    kop.output("to_minutes", op.map("minute", minutes, minute), brokers=brokers, topic=task.minutes_topic)
    return flow


_decoded = Decoded()
flow = dataflow(Task.load(), _decoded)
atexit.register(lambda: report(_decoded.frames, _decoded.first_at_s, monotonic()))
