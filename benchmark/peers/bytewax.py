"""Bytewax: its Kafka operators, two window operators with an event clock, orjson.

As its pages on Kafka, windowing and performance write it. One worker, since one partition is read by one. Windows are
folded in the order of arrival: its reference says that sorting by time costs, and counts need none.
"""

import atexit
from datetime import UTC, datetime, timedelta
from time import monotonic

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, fold_window

from benchmark.contract import LATENESS_S, Task, report

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEY = "all"  # windows go by key: there is one

Frame = tuple[datetime, str]


class Decoded:
    """Decodes frames, and notes when.

    Attributes:
        frames: how many so far.
        first_at_s: when the first one was, by `time.monotonic`.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.first_at_s = 0.0

    def __call__(self, message: KafkaSourceMessage[bytes, bytes]) -> tuple[str, Frame]:
        """Return a frame's time and user, under the key of all."""
        if not self.frames:
            self.first_at_s = monotonic()
        self.frames += 1
        frame = orjson.loads(message.value)
        return KEY, (datetime.fromtimestamp(frame["ts"], UTC), frame["uid"])


def add_user(users: set[str], frame: Frame) -> set[str]:
    """Take a frame into the users of its minute."""
    users.add(frame[1])
    return users


def dataflow(task: Task, decoded: Decoded) -> Dataflow:
    """Put the dataflow together."""
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
    seconds = fold_window(
        "seconds",
        frames,
        clock,
        TumblingWindower(length=SECOND, align_to=EPOCH),
        builder=int,
        folder=lambda count, _: count + 1,
        merger=lambda one, other: one + other,
        ordered=False,
    )
    minutes = fold_window(
        "minutes",
        frames,
        clock,
        TumblingWindower(length=MINUTE, align_to=EPOCH),
        builder=set,
        folder=add_user,
        merger=set.union,
        ordered=False,
    )

    def second(keyed: tuple[str, tuple[int, int]]) -> KafkaSinkMessage[None, bytes]:
        _, (number, count) = keyed
        return KafkaSinkMessage(None, orjson.dumps({"timestamp": number, "num_of_frames": count}))

    def minute(keyed: tuple[str, tuple[int, set[str]]]) -> KafkaSinkMessage[None, bytes]:
        _, (number, users) = keyed
        return KafkaSinkMessage(None, orjson.dumps({"timestamp": 60 * number, "unique_users": len(users)}))

    kop.output("to_seconds", op.map("second", seconds.down, second), brokers=brokers, topic=task.seconds_topic)
    kop.output("to_minutes", op.map("minute", minutes.down, minute), brokers=brokers, topic=task.minutes_topic)
    return flow


_decoded = Decoded()
flow = dataflow(Task.load(), _decoded)
atexit.register(lambda: report(_decoded.frames, _decoded.first_at_s, monotonic()))
