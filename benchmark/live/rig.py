"""Rig of a live measurement: topics, a reader of results, and the processes that are measured."""

import os
import secrets
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Event
from typing import TypeVar

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Arrived, Broker
from benchmark.contract import LATENESS_S, Task
from benchmark.live.feeder import Began
from benchmark.ours import TookOver
from benchmark.process import Running, reports
from benchmark.sides import OURS, environment
from benchmark.truth import compare
from metrics.frames.sizes import SECOND
from metrics.kafka import futures
from metrics.time.deadline import Deadline
from metrics.wording.errors import MetricsError

RATE = 1_000  # frames per second
LOOK_S = 0.005
LAST_TIMEOUT_S = 10.0
START_TIMEOUT_S = 60.0
READER_END_S = 10.0

Awaited = TypeVar("Awaited")


class MeasurementError(MetricsError):
    """A process that ended early, or an event that did not happen in time."""


class Rig:
    """Topics of one measurement, with a reader that notes when each record becomes readable.

    Args:
        stopping: ends the reader.

    Attributes:
        task: names the topics and the group.
        arrived: the committed records so far, in the order of their arrival.
        reading: the end of the reader; it fails if the topics cannot be read.
    """

    def __init__(self, broker: Broker, task: Task, stopping: Event) -> None:
        self.task = task
        self.arrived: list[Arrived] = []
        self.reading = futures.begin(self._read, broker, stopping)

    def _read(self, broker: Broker, stopping: Event) -> None:
        for arrived in broker.follow(self.task.numbers, stopping):
            self.arrived.append(arrived)  # they are read meanwhile

    def application(self) -> AbstractContextManager[Running]:
        """Start the application, which reports when it took over; at the end of the context it is killed."""
        variables = environment(OURS, self.task)
        return process.running([sys.executable, "-m", "benchmark.ours"], variables)

    def feeder(self, seconds: float) -> AbstractContextManager[Running]:
        """Start the feeder, which ends by itself after this many seconds."""
        command = [sys.executable, "-m", "benchmark.live.feeder", self.task.bootstrap_servers]
        command += [self.task.input_topic, str(RATE), str(seconds)]
        return process.running(command, os.environ)

    def wait(self, look: Callable[[], Awaited | None], what: str, timeout_s: float, *processes: Running) -> Awaited:
        """Wait until `look` returns something true, and return that.

        Args:
            what: the event that is waited for, for the error.
            processes: must keep running.

        Raises:
            MeasurementError: it does not happen in time, or a process ended.
        """

        def looked() -> Awaited | None:
            if found := look():
                return found
            if self.reading.done():
                self.reading.result()  # raises its error
            for running in processes:
                if running.has_ended():
                    ended = running.finish()
                    why = ended.last_errors or str(ended.failure)
                    raise MeasurementError(f"{what}: a process ended early", why=why)
            return None

        found = Deadline(timeout_s).poll(looked, until=bool, every_s=LOOK_S)
        if not found:
            raise MeasurementError(f"{what}: not within {timeout_s:.0f} s")
        return found

    def wait_for_take_over(self, application: Running, *others: Running) -> TookOver:
        """Wait until the application has taken over, and return when it did."""
        return self.wait(
            lambda: reports(application.printed, TookOver), "taking over", START_TIMEOUT_S, application, *others
        )[0]

    def checked(self, feeder: Running, application: Running) -> tuple[list[Began], list[str]]:
        """End the feeder, wait for the record of the last second that its frames close, and check all results.

        Returns:
            The reports of the feeder, and the errors in the results.
        """
        feeder.kill()
        began = reports(feeder.printed, Began)
        last = self.task.seconds_topic, began[-1].ts - LATENESS_S - SECOND.size_s
        self.wait(
            lambda: any((record.topic, record.window.start) == last for record in self.arrived),
            "the last second is closed",
            LAST_TIMEOUT_S,
            application,
        )
        seconds, minutes = (
            [record.window for record in self.arrived if record.topic == topic] for topic in self.task.numbers
        )
        _, problems = compare(began[-1].truth, seconds, minutes)
        return began, problems


@contextmanager
def set_up(broker: Broker) -> Iterator[Rig]:
    """Yield a rig with new topics, which are deleted at the end."""
    name, stopping = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-live", Event()
    task = Task.named(name, broker.address, f"{name}-frames")
    with ExitStack() as end:
        end.callback(broker.delete, name)
        broker.create(task.input_topic, *task.numbers, task.rejected_topic)
        rig = Rig(broker, task, stopping)
        end.callback(lambda: wait([rig.reading], READER_END_S))
        end.callback(stopping.set)
        yield rig
