"""Topics, a reader of results and processes: what a live measurement plays on."""

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Arrived, Broker
from benchmark.contract import LATENESS_S, Task
from benchmark.live.fed import Began
from benchmark.process import Running
from benchmark.sides import OURS, environment, rejected_topic
from benchmark.truth import SECOND_S, compare
from metrics.errors import MetricsError

APPLICATION = "benchmark.live.taking_over"
RATE = 1_000  # frames per second
LOOK_S = 0.005
LAST_TIMEOUT_S = 10.0
START_TIMEOUT_S = 30.0
LONGEST_S = 86_400.0
READER_END_S = 10.0


class StageError(MetricsError):
    """A process of a live measurement ended early, or what was waited for did not come."""


class Stage:
    """One set of topics, with a reader that notes when each record becomes readable.

    Attributes:
        task: names the topics and the group.
        arrived: the committed records so far, in the order of their arrival.
    """

    def __init__(self, broker: Broker, task: Task) -> None:
        self.task = task
        self.arrived: list[Arrived] = []
        self._broker = broker
        self._stopping = Event()
        self._failure: MetricsError | None = None
        self._reader = Thread(target=self._read, daemon=True)

    @contextmanager
    def application(self) -> Iterator[Running]:
        """Start the application, which prints when it took over; end it by SIGKILL."""
        with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX) as folder:
            variables = environment(os.environ, OURS, self.task)
            with process.running([sys.executable, "-m", APPLICATION], variables, Path(folder), LONGEST_S) as running:
                yield running

    @contextmanager
    def feeder(self, rate: int, seconds: float) -> Iterator[Running]:
        """Start the feeder, which ends by itself after so many seconds."""
        with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX) as folder:
            command = [sys.executable, "-m", "benchmark.live.feeder", self.task.bootstrap_servers]
            command += [self.task.input_topic, str(rate), str(seconds)]
            with process.running(command, dict(os.environ), Path(folder), seconds + START_TIMEOUT_S) as running:
                yield running

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float, *processes: Running) -> None:
        """Wait until a condition holds.

        Args:
            what: is waited for, for the error.
            processes: that must go on running.

        Raises:
            StageError: it does not come in time, or a process ended.
        """
        give_up_s = monotonic() + timeout_s
        while not condition():
            if self._failure is not None:
                raise self._failure
            for running in processes:
                if running.has_ended():
                    ended = running.finished()
                    raise StageError(f"{what}: a process ended early", why=ended.last_errors or str(ended.failure))
            if monotonic() > give_up_s:
                raise StageError(f"{what}: it did not come within {timeout_s:.0f} s")
            sleep(LOOK_S)

    def wait_for_last(self, began: Sequence[Began], application: Running) -> None:
        """Wait for the record of the last second that the frames close."""
        last = began[-1].ts - LATENESS_S - SECOND_S

        def has_come() -> bool:
            return any(
                record.topic == self.task.seconds_topic and record.window.start == last for record in self.arrived
            )

        self.wait(has_come, "the last second is closed", LAST_TIMEOUT_S, application)

    def problems(self, began: Sequence[Began]) -> Sequence[str]:
        """Return what is wrong with the results, by what the frames must give."""
        published = {
            topic: [record.window for record in self.arrived if record.topic == topic]
            for topic in (self.task.seconds_topic, self.task.minutes_topic)
        }
        return compare(began[-1].truth, published[self.task.seconds_topic], published[self.task.minutes_topic]).problems

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the results for as long as the context lasts."""
        self._reader.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._reader.join(READER_END_S)

    def _read(self) -> None:
        numbers = {self.task.seconds_topic: "num_of_frames", self.task.minutes_topic: "unique_users"}
        try:
            for arrived in self._broker.follow(numbers, self._stopping):
                self.arrived.append(arrived)
        except MetricsError as error:
            self._failure = error


@contextmanager
def set_up(broker: Broker) -> Iterator[Stage]:
    """Give a stage with fresh topics, which are deleted at the end."""
    name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-live"
    task = Task(
        bootstrap_servers=broker.address,
        input_topic=f"{name}-frames",
        seconds_topic=f"{name}-seconds",
        minutes_topic=f"{name}-minutes",
        copy_topic=f"{name}-copies",
        group_id=name,
        frames=0,
        folder="",
    )
    stage = Stage(broker, task)
    try:
        broker.create(task.input_topic, task.seconds_topic, task.minutes_topic, rejected_topic(task))
        with stage.reading():
            yield stage
    finally:
        broker.delete(name)


def require_success(running: Running, what: str) -> None:
    """See that a process that has ended did what it should.

    Raises:
        StageError: it failed.
    """
    ended = running.finished()
    if ended.failure is not None:
        raise StageError(f"{what}: {ended.failure}", why=ended.last_errors)
