"""One benchmark from end to end: frames, environments, broker, rounds, table, RESULTS.md."""

import os
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from benchmark import broker, cache, frames, machine, results_page, table
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.environments import Environments
from benchmark.frames import Made
from benchmark.rounds import Run, Runner, in_turn
from benchmark.sides import Side
from metrics.files.line_reader import reading
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.terminal import console
from metrics.terminal.console import say


class Plan(NamedTuple):
    """Plan of a benchmark.

    Attributes:
        frames: how many each side counts.
        command: the command that was called, for the results.
    """

    frames: int
    sides: Sequence[Side]
    rounds: int
    writes_results: bool
    command: str


def run(plan: Plan) -> bool:
    """Measure, and print the table.

    Returns:
        Whether every run succeeded, with correct results.

    Raises:
        MetricsError: frames or broker are not available. A side that fails does not end the others.
    """
    made = frames.prepared(cache.folder("frames"), frames.Recipe(plan.frames))
    environments = Environments(cache.folder("environments"))
    for side in plan.sides:
        environments.prepare(side.packages)
    with broker.running(cache.folder("broker"), os.environ) as running:
        topic = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
        running.create(topic)
        try:
            _load(running, topic, made)
            runs = _run_all(Runner(running, topic, made.truth, environments.python, os.environ), plan)
        finally:
            running.delete(topic)
        rows = table.rows(plan.sides, runs, plan.frames)
        console.out.print(table.as_table(rows), width=max(console.out.width, table.WIDTH))
        if plan.writes_results:
            circumstances = machine.circumstances(plan.command, running.name, plan.sides, environments.made())
            results_page.write(results_page.PATH, rows, plan.sides, runs, made.truth, circumstances)
            say(f"wrote {console.shown(results_page.PATH)}")
    return all(each.is_good for each in runs)


def _load(running: Broker, topic: str, made: Made) -> None:
    """Load the frames, and read them once, so that the first side finds them where the later ones do."""
    with reading(made.path, MAX_FRAME_BYTES) as file, console.bar("loading", made.truth.frames) as move:
        for sent in running.load(topic, file):
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
            say(table.as_line(runs[-1], plan.frames))
    return runs
