"""One measurement of growth from end to end: topics loaded, the application run, curves written."""

import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
from benchmark.rounds import Rounds, Run, in_turn
from benchmark.sides import OURS, Side
from benchmark.truth import Recount, Truth
from metrics.terminal import console
from metrics.terminal.console import say


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
            with _loaded(running, dimension) as topics:
                runs = _runs(running, dimension, topics, plan.rounds)
            points = [_measured(dimension, *each) for each in zip(dimension.points, topics, runs, strict=True)]
            is_good = is_good and all(run.is_good for rounds in runs for run in rounds)
            curve = Curve(dimension.name, dimension.axis, dimension.held, points)
            say(f"\n{curves.as_markdown(curve)}\n")
            if plan.docs is not None:
                page.write(plan.docs, curve, sections.circumstances(plan.command, running.name))
                say(f"wrote {dimension.name} into {console.shown(plan.docs / page.PAGE)}")
    return is_good


def _measured(dimension: Dimension, point: Point, topic: "_Topic", runs: Sequence[Run]) -> Measured:
    value = dimension.reads(topic.truth) if dimension.reads else point.value
    return curves.measured(value, point.frames, runs)


class _Topic(NamedTuple):
    """An input topic that is loaded, and what its frames must give."""

    name: str
    truth: Truth


@contextmanager
def _loaded(running: Broker, dimension: Dimension) -> Iterator[list[_Topic]]:
    """Load the frames of every point, and give a topic for each; points with the same frames share theirs."""
    topics: dict[tuple[bodies.Recipe, int, int], _Topic] = {}
    with ExitStack() as ended:
        for point in dimension.points:
            if point.input not in topics:
                name = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
                running.create(name, partitions=point.partitions)
                ended.callback(running.delete, name)
                truth = _load(running, name, point, f"{dimension.name} {point.value:,}: loading")
                topics[point.input] = _Topic(name, truth)
        yield [topics[point.input] for point in dimension.points]


def _load(running: Broker, topic: str, point: Point, what: str) -> Truth:
    recount = Recount()

    def counted() -> Iterator[bytes]:
        for frame in islice(bodies.frames(point.recipe), point.frames):
            recount.add(frame)
            yield frame

    with console.bar(what, point.frames) as move:
        for sent in running.load(topic, counted(), point.partitions):
            move(sent)
    return recount.truth()


def _runs(running: Broker, dimension: Dimension, topics: Sequence[_Topic], number_of_rounds: int) -> list[list[Run]]:
    """Run every point in each round, so that the machine's drift meets all of them; returns the runs of each."""
    points = list(zip(dimension.points, topics, strict=True))
    runs: list[list[Run]] = [[] for _ in points]
    for number in range(1, number_of_rounds + 1):
        for index in in_turn(range(len(points)), number):
            point, topic = points[index]
            rounds = Rounds(running, topic.name, topic.truth, lambda _: Path(sys.executable), os.environ)
            what = f"{dimension.name} {point.value:>10,}  round {number}"
            with console.out.status(f"{what} of {number_of_rounds}"):
                run = rounds.run_one(_side(point), number)
            say(f"{what}  {_outcome(run)}")
            runs[index].append(run)
    return runs


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
