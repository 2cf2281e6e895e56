"""Runs of the sides, each from the cold start of its process."""

import os
import random
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from benchmark import process
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.contract import Task
from benchmark.process import Measured
from benchmark.scraper import scraping
from benchmark.side_report import SideReport, side_report
from benchmark.sides import Side, environment, rejected_topic
from benchmark.truth import Truth, compare
from metrics.errors import MetricsError

# No side is slower than this; and what takes longer to start hangs.
SLOWEST_FRAMES_PER_S = 2_000
START_TIMEOUT_S = 60.0

Python = Callable[[str | None], Path]


class Run(NamedTuple):
    """One run of one side.

    Attributes:
        number: of its round, from 1.
        measured: None if it could not be started.
        report: its own report, if it gave one.
        failure: why it failed, in one line; None if it did not.
        last_errors: the last lines of its standard error, if it failed.
        problems: errors in its results.
        windows: number of its windows that were compared.
    """

    side: Side
    number: int
    measured: Measured | None = None
    report: SideReport | None = None
    failure: str | None = None
    last_errors: str = ""
    problems: Sequence[str] = ()
    windows: int = 0

    @property
    def is_good(self) -> bool:
        """Whether it succeeded, with correct results as far as these can be checked."""
        return self.failure is None and not self.problems


class Runner:
    """Runs sides on one input topic.

    Args:
        topic: the loaded input.
        truth: the correct results of its frames.
        python: returns the interpreter of an environment by its name; may raise a MetricsError.
        variables: our own environment variables.
    """

    def __init__(self, broker: Broker, topic: str, truth: Truth, python: Python, variables: Mapping[str, str]) -> None:
        self._broker = broker
        self._topic = topic
        self._truth = truth
        self._python = python
        self._variables = variables

    def run(self, side: Side, number: int) -> Run:
        """Run a side once, in a round. Its failure is part of the result."""
        name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-{side.name}"
        with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX) as folder:
            task = Task.named(name, self._broker.address, self._topic, self._truth.frames, folder)
            try:
                return self._measured_and_checked(side, number, task)
            except MetricsError as error:
                return Run(side, number, failure=error.what, last_errors=error.why)
            finally:
                self._broker.delete(name)

    def _measured_and_checked(self, side: Side, number: int, task: Task) -> Run:
        command = side.command(task, self._python(side.packages))
        self._broker.create(task.seconds_topic, task.minutes_topic, task.copy_topic, rejected_topic(task))
        os.sync()  # so that what the previous run has written is no load on this one
        timeout_s = START_TIMEOUT_S + task.frames / SLOWEST_FRAMES_PER_S
        with scraping() if side.is_scraped else nullcontext() as scraper:
            variables = environment(self._variables, side, task)
            if scraper is not None:
                variables["METRICS_PORT"] = str(scraper.port)
            finished = process.run(command, variables, timeout_s)
        run = Run(side, number, finished.measured, side_report(finished), finished.failure, finished.last_errors)
        if finished.failure:
            return run
        problems = ["no scrape was answered"] if scraper is not None and not scraper.scrapes else []
        return self._checked(run, task, problems)

    def _checked(self, run: Run, task: Task, problems: list[str]) -> Run:
        """Compare a run's output with the correct one, and append the differences to its problems."""
        windows = 0
        if run.side.reads_all and (run.report is None or run.report.frames != task.frames):
            read = f"{run.report.frames:,}" if run.report else "an unknown number of"
            problems.append(f"{read} frames read instead of {task.frames:,}")
        if run.side.copies and (copies := self._broker.count(task.copy_topic)) != task.frames:
            problems.append(f"{copies:,} frames copied instead of {task.frames:,}")
        if run.side.counts:
            seconds = self._broker.windows(task.seconds_topic, "num_of_frames")
            minutes = self._broker.windows(task.minutes_topic, "unique_users")
            windows, found = compare(self._truth, seconds, minutes)
            problems += found
        return run._replace(problems=problems, windows=windows, last_errors="")


def in_turn(sides: Sequence[Side], number: int) -> list[Side]:
    """Return the sides in the order of a round: each round has its own, so that neighbours vary."""
    return random.Random(number).sample(sides, len(sides))
