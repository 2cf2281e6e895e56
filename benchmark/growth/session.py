"""One measurement of growth from end to end: topics loaded, the application run, curves written."""

import os
import secrets
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from benchmark import bodies, broker, cache, sections
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.contract import Task
from benchmark.growth import curve as curves
from benchmark.growth import page
from benchmark.growth.curve import Curve, Measured
from benchmark.growth.dimensions import Dimension, Point
from benchmark.rounds import Rounds, Run
from benchmark.sides import OURS, Side
from benchmark.truth import Recount, Truth
from metrics import terminal
from metrics.terminal import say


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        docs: folder that page, pictures and numbers are written to; None: they are only printed.
        command: that asked for it, for the page.
    """

    dimensions: list[Dimension]
    rounds: int
    docs: Path | None
    command: str


def run(plan: Plan) -> bool:
    """Measure, print a table for each dimension, and write what the plan says.

    Returns:
        Whether every run ended as it should, with right results.

    Raises:
        MetricsError: there is no broker, or it fails. What fails in the application does not end the others.
    """
    is_good = True
    with broker.running(cache.folder("broker"), os.environ) as running:
        for dimension in plan.dimensions:
            points: list[Measured] = []
            for point, truth, rounds in _loaded(running, dimension):
                runs = list(_runs(rounds, dimension, point, plan.rounds))
                value = dimension.reads(truth) if dimension.reads else point.value
                points.append(curves.measured(value, point.frames, runs))
                is_good = is_good and all(each.is_good for each in runs)
            curve = Curve(dimension.name, dimension.axis, dimension.held, points)
            say(f"\n{curves.as_markdown(curve)}\n")
            if plan.docs is not None:
                page.write(plan.docs, curve, sections.circumstances(plan.command, running.name))
                say(f"wrote {dimension.name} into {terminal.shown(plan.docs / page.PAGE)}")
    return is_good


def _loaded(running: Broker, dimension: Dimension) -> Iterator[tuple[Point, Truth, Rounds]]:
    """Load the frames of each point, and give it, what its frames must give, and what runs it.

    Where a point's frames begin with those of the one before, its topic is gone on with.
    """
    topic: _Topic | None = None
    try:
        for point in dimension.points:
            if topic is None or not point.goes_on_from(topic.point):
                if topic is not None:
                    running.delete(topic.name)
                topic = _Topic(running, point)
            truth = topic.load(point, f"{dimension.name} {point.value:,}: loading")
            yield point, truth, Rounds(running, topic.name, truth, lambda _: Path(sys.executable), os.environ)
    finally:
        if topic is not None:
            running.delete(topic.name)


class _Topic:
    """An input topic that is loaded bit by bit."""

    def __init__(self, running: Broker, point: Point) -> None:
        self.name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
        self.point = point._replace(frames=0)
        self._running = running
        self._frames = bodies.frames(point.recipe)
        self._recount = Recount()
        running.create(self.name, partitions=point.partitions)

    def load(self, point: Point, what: str) -> Truth:
        """Load what the topic lacks of a point's frames; returns what all of them must give."""
        lacking = point.frames - self.point.frames
        with terminal.bar(what, lacking) as move:
            for sent in self._running.load(self.name, self._counted(lacking), point.partitions):
                move(sent)
        self.point = point
        return self._recount.truth()

    def _counted(self, number: int) -> Iterator[bytes]:
        for frame in islice(self._frames, number):
            self._recount.add(frame)
            yield frame


def _runs(rounds: Rounds, dimension: Dimension, point: Point, number_of_rounds: int) -> Iterator[Run]:
    side = _side(point)
    for number in range(1, number_of_rounds + 1):
        what = f"{dimension.name} {point.value:>10,}  round {number}"
        with terminal.out.status(f"{what} of {number_of_rounds}"):
            run = rounds.run_one(side, number)
        say(f"{what}  {_outcome(run)}")
        yield run


def _outcome(run: Run) -> str:
    if run.failure is not None or run.measured is None or run.told is None:
        return "\n    ".join([f"failed: {run.failure or 'it told nothing'}", *run.last_errors.splitlines()])
    told = f"{1e6 / run.told.steady_rate:6.2f} µs a frame, {run.measured.seconds:6.2f} s in all, "
    told += f"{run.measured.peak_rss_bytes / 1e6:,.0f} MB"
    return "\n    wrong: ".join([told, *run.problems])


def _side(point: Point) -> Side:
    """Return the application with the interval of commits that a point asks for."""
    if point.busy_commit_s is None:
        return OURS
    arguments = ["-m", "benchmark.growth.committing", str(point.busy_commit_s), "--until-end"]

    def command(_: Task, python: Path) -> list[str]:
        return [str(python), *arguments]

    return OURS._replace(command=command)
