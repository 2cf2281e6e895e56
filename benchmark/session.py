"""One benchmark from end to end: frames, environments, broker, rounds, table, RESULTS.md."""

import os
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmark import broker, cache, frames, machine, results_page, table
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.environments import Environments
from benchmark.frames import Made
from benchmark.rounds import Rounds, Run
from benchmark.sides import Side
from metrics.files.line_reader import reading
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.terminal import console
from metrics.terminal.console import say


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        frames: how many each side counts.
        command: that asked for it, for the results.
    """

    frames: int
    sides: Sequence[Side]
    rounds: int
    writes_results: bool
    command: str


def run(plan: Plan) -> bool:
    """Measure, and print the table.

    Returns:
        Whether every run ended as it should, with right results.

    Raises:
        MetricsError: frames or broker are not to be had. What fails in a side does not end the others.
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
            runs = _run_all(Rounds(running, topic, made.truth, environments.python, os.environ), plan)
        finally:
            running.delete(topic)
        rows = table.rows(plan.sides, runs, plan.frames)
        console.out.print(table.as_table(rows), width=max(console.out.width, table.WIDTH))
        if plan.writes_results:
            circumstances = results_page.Circumstances(
                command=plan.command,
                at=datetime.now(UTC),
                machine=machine.description(),
                broker=running.name,
                versions=machine.versions(plan.sides, environments.made()),
                rounds=plan.rounds,
            )
            page = results_page.text(rows, plan.sides, runs, made.truth, circumstances)
            results_page.PATH.write_text(page, encoding="utf-8")
            say(f"wrote {console.shown(results_page.PATH)}")
    return all(each.is_good for each in runs)


def _load(running: Broker, topic: str, made: Made) -> None:
    """Load the frames, and read them once, so that the first side finds them where the later ones do."""
    with reading(made.path, MAX_FRAME_BYTES) as file, console.bar("loading", made.truth.frames) as move:
        for sent in running.load(topic, file):
            move(sent)
    running.count(topic)


def _run_all(rounds: Rounds, plan: Plan) -> list[Run]:
    """Run all, show which side is running, and print a line for each run."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    runs: list[Run] = []
    out = console.out
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as progress:
        shown = progress.add_task("", total=plan.rounds * len(plan.sides))

        def starting(side: Side, number: int) -> None:
            progress.update(shown, description=f"round {number} of {plan.rounds}: {side.name}")

        for each in rounds.run(plan.sides, plan.rounds, starting):
            runs.append(each)
            progress.advance(shown)
            say(table.as_line(each, plan.frames))
    return runs
