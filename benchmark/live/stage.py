"""Stage of a live measurement: topics, a reader of results, and the processes that are measured."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from time import monotonic, sleep
from typing import TypeVar

import msgspec

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Arrived, Broker
from benchmark.contract import LATENESS_S, Task
from benchmark.live.feeder import Began
from benchmark.live.taking_over import TookOver
from benchmark.process import Running
from benchmark.sides import OURS, environment, rejected_topic
from benchmark.truth import SECOND_S, compare
from metrics.errors import MetricsError

RATE = 1_000  # frames per second
LOOK_S = 0.005
LAST_TIMEOUT_S = 10.0
START_TIMEOUT_S = 60.0
LONGEST_S = 86_400.0
READER_END_S = 10.0

Awaited = TypeVar("Awaited")


class StageError(MetricsError):
    """A process that ended early, or an event that did not happen in time."""


class Stage:
    """Topics of one measurement, with a reader that notes when each record becomes readable.

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
        """Start the application, which reports when it took over; at the end of the context it is killed."""
        variables = environment(os.environ, OURS, self.task)
        with process.running([sys.executable, "-m", "benchmark.live.taking_over"], variables, LONGEST_S) as running:
            yield running

    @contextmanager
    def feeder(self, rate: int, seconds: float) -> Iterator[Running]:
        """Start the feeder, which ends by itself after this many seconds."""
        command = [sys.executable, "-m", "benchmark.live.feeder", self.task.bootstrap_servers]
        command += [self.task.input_topic, str(rate), str(seconds)]
        with process.running(command, os.environ, seconds + START_TIMEOUT_S) as running:
            yield running

    def wait(self, look: Callable[[], Awaited | None], what: str, timeout_s: float, *processes: Running) -> Awaited:
        """Wait until `look` returns something true, and return that.

        Args:
            what: the event that is waited for, for the error.
            processes: must keep running.

        Raises:
            StageError: it does not happen in time, or a process ended.
        """
        give_up_s = monotonic() + timeout_s
        while not (found := look()):
            if self._failure is not None:
                raise self._failure
            for running in processes:
                if running.has_ended():
                    ended = running.finish()
                    raise StageError(f"{what}: a process ended early", why=ended.last_errors or str(ended.failure))
            if monotonic() > give_up_s:
                raise StageError(f"{what}: not within {timeout_s:.0f} s")
            sleep(LOOK_S)
        return found

    def wait_for_take_over(self, application: Running, *processes: Running) -> TookOver:
        """Wait until the application has taken over, and return when it did."""
        return self.wait(
            lambda: took_over(application.printed), "taking over", START_TIMEOUT_S, application, *processes
        )

    def wait_for_last(self, began: Sequence[Began], application: Running) -> None:
        """Wait for the record of the last second that the frames close."""
        last = began[-1].ts - LATENESS_S - SECOND_S

        def has_come() -> bool:
            return any(
                record.topic == self.task.seconds_topic and record.window.start == last for record in self.arrived
            )

        self.wait(has_come, "the last second is closed", LAST_TIMEOUT_S, application)

    def problems(self, began: Sequence[Began]) -> Sequence[str]:
        """Return the errors in the results so far."""
        seconds, minutes = (
            [record.window for record in self.arrived if record.topic == topic]
            for topic in (self.task.seconds_topic, self.task.minutes_topic)
        )
        return compare(began[-1].truth, seconds, minutes).problems

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the results for the duration of the context."""
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
    """Yield a stage with new topics, which are deleted at the end."""
    name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-live"
    task = Task.named(name, broker.address, f"{name}-frames")
    stage = Stage(broker, task)
    try:
        broker.create(task.input_topic, task.seconds_topic, task.minutes_topic, rejected_topic(task))
        with stage.reading():
            yield stage
    finally:
        broker.delete(name)


def seconds_of(printed: Sequence[str]) -> list[Began]:
    """Return what the feeder has reported, in order."""
    return [msgspec.json.decode(line.encode(), type=Began) for line in printed]


def took_over(printed: Sequence[str]) -> TookOver | None:
    """Return when the application took over; None if it has not yet."""
    reports = (line for line in printed if line.startswith("{"))
    return next((msgspec.json.decode(line.encode(), type=TookOver) for line in reports), None)
