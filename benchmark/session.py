"""One benchmark from end to end: broker, measurement, table, page."""

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from benchmark import broker, environments, frames, machine, results
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.frames import Made
from benchmark.page import Findings
from benchmark.rounds import Run, Runner, in_turn
from benchmark.sides import OURS, Side
from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.terminal import console
from metrics.terminal.console import say

CACHE = "frames-metrics-benchmark"


class Plan(NamedTuple):
    """Plan of a benchmark of several sides.

    Attributes:
        frames: how many each side counts.
        command: the command that was called, for the results.
    """

    frames: int
    sides: Sequence[Side]
    rounds: int
    writes_results: bool
    command: str


def compare(plan: Plan) -> bool:
    """Measure the sides on the same frames, and print the table.

    Returns:
        Whether every run succeeded, with correct results.

    Raises:
        MetricsError: frames or broker are not available. A side that fails does not end the others.
    """
    made = frames.prepared(_cache("frames"), frames.Recipe(plan.frames))
    pythons = environments.interpreters(_cache("environments"), [side.packages for side in plan.sides])
    with _broker() as running:
        topic = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
        running.create(topic)
        try:
            _load(running, topic, made)
            runs = _run_all(Runner(running, topic, made.truth, pythons, os.environ), plan)
        finally:
            running.delete(topic)
        rows = results.rows(plan.sides, runs, plan.frames)
        console.out.print(results.as_table(rows), width=max(console.out.width, results.WIDTH))
        if plan.writes_results:
            circumstances = machine.circumstances(plan.command, running.name, plan.sides, pythons)
            results.write(results.PATH, rows, plan.sides, runs, made.truth, circumstances)
            say(f"wrote {console.shown(results.PATH)}")
    return all(each.is_good for each in runs)


def measure(measured: Callable[[Broker], Findings], docs: Path | None, command: str) -> bool:
    """Measure this application live, print the table, and write the page.

    Args:
        docs: the folder for page and figures; None: they are only printed.
        command: the command that was called, for the page.

    Returns:
        Whether the results were correct.

    Raises:
        MetricsError: there is no broker, or a process ended early.
    """
    with _broker() as running:
        found = measured(running)
        say(f"\n{found.as_markdown()}\n")
        if docs is not None:
            path = found.write(docs, machine.circumstances(command, running.name, [OURS], {}).paragraph())
            say(f"wrote {console.shown(path)}")
    for problem in found.problems:
        console.warn(f"wrong: {problem}")
    return not found.problems


def _broker() -> AbstractContextManager[Broker]:
    return broker.running(_cache("broker"), os.environ)


def _cache(name: str) -> Path:
    """Return a folder of the cache, which is in XDG_CACHE_HOME, else in ~/.cache; it is created if missing."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def _load(running: Broker, topic: str, made: Made) -> None:
    """Load the frames, and read them once, so that the first side finds them where the later ones do."""
    with console.bar("loading", made.truth.frames) as move:
        for sent in running.load(topic, Lines([made.path], MAX_FRAME_BYTES)):
            move(sent)
    running.count(topic)


def _run_all(runner: Runner, plan: Plan) -> list[Run]:
    """Run every side in each round, show which one is running, and print a line for each run."""
    runs: list[Run] = []
    order = [(number, side) for number in range(1, plan.rounds + 1) for side in in_turn(plan.sides, number)]

    def current() -> str:
        number, side = order[min(len(runs), len(order) - 1)]
        return f"round {number} of {plan.rounds}: {side.name}"

    with console.bar(current, len(order)) as move:
        for number, side in order:
            runs.append(runner.run(side, number))
            move(len(runs))
            say(results.as_line(runs[-1], plan.frames))
    return runs
