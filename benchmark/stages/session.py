"""The cost of each stage: rounds of runs, a table, and a part of docs/PERFORMANCE.md."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

import msgspec
from rich.table import Table

from benchmark import broker, cache, frames, process, sections
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.contract import Task
from benchmark.rounds import START_TIMEOUT_S, in_turn
from benchmark.sides import KCAT, SIDES, environment, rejected_topic
from benchmark.stages.worker import STAGES, Cost, Stage
from metrics.errors import MetricsError
from metrics.files.line_reader import reading
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.terminal import console
from metrics.terminal.console import say

PAGE = "PERFORMANCE.md"
HEADERS = ("stage", "µs a frame", "its thread", "what it adds")


class Plan(NamedTuple):
    """What is to be measured.

    Attributes:
        frames: how many each run reads.
        docs: folder of the page whose table is written anew; None for none.
        command: that asked for it, for the page.
    """

    frames: int
    rounds: int
    docs: Path | None
    command: str


class Row(NamedTuple):
    """What a stage adds to those before it, in microseconds a frame: of wall time, and of the loop's own thread."""

    stage: str
    wall_us: float
    thread_us: float
    adds: str


def run(plan: Plan) -> bool:
    """Measure, print the table, and write it where it is wanted; returns True: a run that fails is an error.

    Raises:
        MetricsError: a run failed, or frames or broker are not to be had.
    """
    made = frames.prepared(cache.folder("frames"), frames.Recipe(plan.frames))
    with broker.running(cache.folder("broker"), os.environ) as running:
        topic = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
        running.create(topic)
        try:
            with reading(made.path, MAX_FRAME_BYTES) as file, console.bar("loading", made.truth.frames) as move:
                for sent in running.load(topic, file):
                    move(sent)
            running.count(topic)
            found = _measured(running, topic, plan)
        finally:
            running.delete(topic)
    table = rows(found)
    console.out.print(as_table(table))
    if plan.docs is not None:
        page = plan.docs / PAGE
        text = f"{as_markdown(table)}\n\n{sections.circumstances(plan.command, running.name)}"
        sections.write(page, "# Performance\n", {"stages": text})
        say(f"wrote {console.shown(page)}")
    return True


def _measured(running: Broker, topic: str, plan: Plan) -> dict[str, list[Cost]]:
    names = [KCAT, *(stage.name for stage in STAGES)]
    found: dict[str, list[Cost]] = {name: [] for name in names}
    with console.bar("measuring", plan.rounds * len(names)) as move:
        for number, name in enumerate(_in_turn(names, plan.rounds), 1):
            found[name].append(_run_one(running, topic, name, plan.frames))
            move(number)
    return found


def _in_turn(names: Sequence[str], rounds: int) -> Iterator[str]:
    for number in range(rounds):
        yield from in_turn(names, number)


def _run_one(running: Broker, topic: str, name: str, frames: int) -> Cost:
    group = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-stage"
    with tempfile.TemporaryDirectory(prefix=TOPIC_PREFIX) as folder:
        task = Task(running.address, topic, f"{group}-s", f"{group}-m", f"{group}-c", group, frames, folder)
        running.create(task.seconds_topic, task.minutes_topic, rejected_topic(task))
        try:
            return _finished(task, name, Path(folder))
        finally:
            running.delete(group)


def _finished(task: Task, name: str, folder: Path) -> Cost:
    sides = {side.name: side for side in SIDES}
    variables: Mapping[str, str] = {**environment(os.environ, sides["ours"], task), **task.variables()}
    command = [sys.executable, "-m", "benchmark.stages.worker", name]
    if name == KCAT:
        # By their number: with the wait at the end of the topic, up to half a second would be taken for fetching.
        command = [*sides[KCAT].command(task, Path(sys.executable)), "-c", str(task.frames)]
    finished = process.run(command, variables, folder, START_TIMEOUT_S + task.frames / 2_000)
    if finished.failure is not None:
        raise StageError(f"the stage {name} failed: {finished.failure}", why=finished.last_errors)
    if name == KCAT:
        return Cost(task.frames, finished.measured.seconds, 0.0)
    return msgspec.json.decode(finished.printed[-1].text, type=Cost)


class StageError(MetricsError):
    """A run of a stage failed."""


def rows(found: Mapping[str, Sequence[Cost]], stages: Sequence[Stage] = STAGES) -> list[Row]:
    """Return what each stage adds, by the medians of the runs; the last row is the sum."""
    made = [
        Row(
            "fetch",
            _us(found[KCAT], "wall_s"),
            0.0,
            "kcat, its whole process: broker, network and client, nothing made of it",
        )
    ]
    wall_us = thread_us = 0.0
    for stage in stages:
        wall, thread = _us(found[stage.name], "wall_s"), _us(found[stage.name], "thread_s")
        made.append(Row(stage.name, wall - wall_us, thread - thread_us, stage.adds))
        wall_us, thread_us = wall, thread
    return [*made, Row("all", wall_us, thread_us, "without the first: it runs beside them, in threads of the client")]


def _us(costs: Sequence[Cost], which: str) -> float:
    return median(float(getattr(cost, which)) / cost.frames * 1e6 for cost in costs)


def as_table(table: Sequence[Row]) -> Table:
    """Return the rows for a terminal."""
    shown = Table(*HEADERS, box=None, pad_edge=False)
    for column in shown.columns[1:3]:
        column.justify = "right"
    for row in table:
        shown.add_row(*_cells(row))
    return shown


def as_markdown(table: Sequence[Row]) -> str:
    """Return the rows for a page."""
    return sections.table(HEADERS, [_cells(row) for row in table], ("stage", "what it adds"))


def _cells(row: Row) -> tuple[str, str, str, str]:
    return row.stage, f"{row.wall_us:.2f}", f"{row.thread_us:.2f}" if row.thread_us else "-", row.adds
