"""Runs of the sides, each from the cold start of its process."""

import os
import random
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.contract import Task
from benchmark.process import Measured, reports
from benchmark.scraper import scraping
from benchmark.sides import Side, environment
from benchmark.truth import Truth, compare
from metrics.wording.errors import MetricsError

T = TypeVar("T")

SLOWEST_FRAMES_PER_S = 2_000  # every side is faster


class SideReport(msgspec.Struct, frozen=True):
    """Report of a side, printed by `contract.report`: frames read, and times in seconds since the process started."""

    frames: int
    first_frame_s: float
    last_frame_s: float

    @property
    def steady_rate(self) -> float:
        """Frames per second between the first and the last."""
        return self.frames / max(self.last_frame_s - self.first_frame_s, 1e-9)


class Run(NamedTuple):
    """One run of one side.

    Attributes:
        number: of its round, from 1.
        measured: None if it could not be started.
        report: its own report; None if it printed none, as kcat.
        printed: its standard output, line by line.
        failure: why it failed, in one line; None if it did not.
        last_errors: the last lines of its standard error, if it failed.
        problems: errors in its results.
        windows: number of its windows that were compared.
    """

    side: Side
    number: int
    measured: Measured | None = None
    report: SideReport | None = None
    printed: Sequence[str] = ()
    failure: str | None = None
    last_errors: str = ""
    problems: Sequence[str] = ()
    windows: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it succeeded, with correct results as far as these can be checked."""
        return self.failure is None and not self.problems


class Runner(NamedTuple):
    """Runner of sides on one input topic.

    Attributes:
        topic: the loaded input.
        truth: the correct results of its frames.
        pythons: the interpreters of the environments, by their names.
    """

    broker: Broker
    topic: str
    truth: Truth
    pythons: Mapping[str | None, Path]

    def run(self, side: Side, number: int) -> Run:
        """Run a side once, in a round. Its failure is part of the result."""
        if side.packages not in self.pythons:
            return Run(side, number, failure=f"the environment of {side.packages} cannot be created")
        name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-{side.name}"
        # The servers of a side that was killed end a moment after it, and write until then.
        with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX, ignore_cleanup_errors=True) as folder:
            task = Task.named(name, self.broker.address, self.topic, self.truth.frames, folder)
            try:
                run = self._measured(side, number, task)
                return run if run.failure else self._checked(run, task)
            except MetricsError as error:
                return Run(side, number, failure=error.what, last_errors=error.why)
            finally:
                self.broker.delete(name)

    def _measured(self, side: Side, number: int, task: Task) -> Run:
        command = side.command(task, self.pythons[side.packages])
        self.broker.create(*task.numbers, task.copy_topic, task.rejected_topic)
        os.sync()  # otherwise the writes of the previous run would slow this one down
        timeout_s = side.start_timeout_s + task.frames / SLOWEST_FRAMES_PER_S
        variables = environment(side, task)
        answers: Sequence[bytes] = ()
        with ExitStack() as end:
            if side.is_scraped:
                port, answers = end.enter_context(scraping())
                variables["METRICS_PORT"] = str(port)
            finished = process.run(command, variables, timeout_s)
        report = next(reversed(reports(finished.printed, SideReport)), None)
        is_answered = any(b"frames_ready " in answer for answer in answers)
        problems = ["no scrape was answered"] if side.is_scraped and not is_answered else ()
        return Run(
            side, number, finished.measured, report, finished.printed, finished.failure, finished.last_errors, problems
        )

    def _checked(self, run: Run, task: Task) -> Run:
        """Compare a run's output with the correct one, and append the differences to its problems."""
        problems, windows = [*run.problems], 0
        if run.side.reads_all and (run.report is None or run.report.frames != task.frames):
            read = f"{run.report.frames:,}" if run.report else "an unknown number of"
            problems.append(f"{read} frames read instead of {task.frames:,}")
        if run.side.copies and (copies := self.broker.count(task.copy_topic)) != task.frames:
            problems.append(f"{copies:,} frames copied instead of {task.frames:,}")
        if run.side.counts:
            seconds, minutes = (self.broker.windows(topic, number) for topic, number in task.numbers.items())
            windows, found = compare(self.truth, seconds, minutes)
            problems += found
        return run._replace(problems=problems, windows=windows, last_errors="")


def in_turn(sides: Sequence[T], number: int) -> list[T]:
    """Return the sides in the order of a round: each round has its own, so that neighbours vary."""
    return random.Random(number).sample(sides, len(sides))
