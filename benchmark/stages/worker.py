"""One run over the input with the loop's own parts, up to one stage; a process of its own, told by the task.

Each stage adds one part to those before it, so that the difference of two runs is the cost of a part. The parts are the
application's own; only around them it is measured.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic, thread_time
from typing import NamedTuple

import msgspec

from benchmark.contract import Task
from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import FrameMessage, read_frame
from metrics.frames.core.state import State
from metrics.frames.core.windows import Record
from metrics.frames.job.loop import GARBAGE_OBJECTS
from metrics.frames.settings import Settings
from metrics.kafka.clients import open_consumer
from metrics.kafka.job import runner
from metrics.kafka.job.source import Input


class Cost(msgspec.Struct, frozen=True):
    """What a run took, in seconds.

    Attributes:
        wall_s: from before the first fetch to the last frame.
        thread_s: of that, processor time of the thread that the loop runs in; the client's own threads are not in it.
    """

    frames: int
    wall_s: float
    thread_s: float


class Quiet:
    """Is told what the loop does, and does nothing of it."""

    def closed(self, record: Record) -> None: ...  # noqa: D102
    def committed(self, *_: object) -> None: ...  # noqa: D102
    def rewound(self) -> None: ...  # noqa: D102
    def read(self, *_: object) -> None: ...  # noqa: D102
    def troubled(self, what: str) -> None: ...  # noqa: D102


class Clock:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._wall_s, self._thread_s = monotonic(), thread_time()

    def cost(self, frames: int) -> Cost:
        """Return what was taken since then, for so many frames."""
        return Cost(frames, monotonic() - self._wall_s, thread_time() - self._thread_s)


def take(task: Task, settings: Settings) -> Cost:
    """Take every frame as a message object, and let it go."""
    return _read(task, settings, lambda _: None)


def decode(task: Task, settings: Settings) -> Cost:
    """Decode every frame, and let it go."""

    def each(messages: list[FrameMessage]) -> None:
        for message in messages:
            read_frame(message.value())

    return _read(task, settings, each)


def log(task: Task, settings: Settings) -> Cost:
    """Decode and log every frame; a second is dropped from the log when it is over, but nothing is made of it."""
    counter = _counter(settings)
    at = counter.partitions[0]

    def each(messages: list[FrameMessage]) -> None:
        at.count(messages)
        at.rejected.clear()
        while (second := at.log.first_second()) is not None and second < at.clock.watermark:
            at.log.take(second)
        at.log.forget_minutes(at.clock.watermark)

    return _read(task, settings, each)


def close(task: Task, settings: Settings) -> Cost:
    """Decode, log and close windows: their records are made, and dropped."""
    counter = _counter(settings)
    at = counter.partitions[0]

    def each(messages: list[FrameMessage]) -> None:
        at.count(messages)
        at.rejected.clear()
        if messages:
            at.read_to(messages[-1].offset() + 1, monotonic())
        for record in counter.close(monotonic()):
            record.value()

    return _read(task, settings, each)


def rest(task: Task, settings: Settings) -> Cost:
    """Run the whole loop, with its commits."""
    with runner.prepared(settings, Event()) as prepared:
        prepared.connect()
        prepared.end_here()
        prepared.open()
        clock = Clock()
        prepared.run(Quiet())
        return clock.cost(task.frames)


class Stage(NamedTuple):
    """A stage of the loop, and what runs it after those before it."""

    name: str
    adds: str
    run: Callable[[Task, Settings], Cost]


STAGES = (
    Stage("take", "message objects made of what was fetched, and looked through for events", take),
    Stage("decode", "the bytes become ts and uid", decode),
    Stage("log", "judged by the event clock, users appended", log),
    Stage("close", "seconds folded into their minute, records written as JSON", close),
    Stage("commit, rest", "records, offsets and state in transactions, and all else of the loop", rest),
)


def _counter(settings: Settings) -> Counter:
    state = State.fresh({0: 0}, settings.rules())
    counter = Counter(state, settings.rules(), gap_limit_s=settings.gap_limit_s, now_s=monotonic())
    counter.resume()
    return counter


@contextmanager
def _opened(task: Task, settings: Settings) -> Iterator[Input]:
    consumer = open_consumer(settings)
    try:
        yield Input(consumer, task.input_topic, {0: 0}, {0: task.frames})
    finally:
        consumer.close()


def _read(task: Task, settings: Settings, each: Callable[[list[FrameMessage]], None]) -> Cost:
    gc.set_threshold(GARBAGE_OBJECTS)
    clock = Clock()
    with _opened(task, settings) as source:
        while not source.has_ended():
            messages = source.batch()
            each(messages)
            if messages:
                source.pass_by(0, messages[-1].offset())
        return clock.cost(task.frames)


def main() -> None:
    """Run the stage that the command line names, and print its cost as a line of JSON."""
    wanted = sys.argv[1]
    stage = next(stage for stage in STAGES if stage.name == wanted)
    print(msgspec.json.encode(stage.run(Task.load(), Settings.load())).decode())


if __name__ == "__main__":
    main()
