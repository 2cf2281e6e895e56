"""One benchmark from end to end: broker, measurement, table, page."""

import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark import broker, environments, frames, machine, results
from benchmark.broker import TOPIC_PREFIX, Broker
from benchmark.catalogue import loading
from benchmark.flink import scaling
from benchmark.frames import Made
from benchmark.harvest import harvesting
from benchmark.machine import Circumstances
from benchmark.page import Findings
from benchmark.rounds import Run, Runner, in_turn
from benchmark.sides import OURS, Side
from benchmark.views import viewing
from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.terminal import console
from metrics.terminal.console import say
from metrics.terminal.progress import bar
from metrics.terminal.tables import say_folded

CACHE = "frames-metrics-benchmark"


def compare(sides: Sequence[Side], count: int, rounds: int, path: Path | None) -> bool:
    """Measure the sides on the same frames, print the table, and write the page.

    Args:
        count: how many frames each side counts.
        path: of the page; None: the table is only printed.

    Returns:
        Whether every run succeeded, with correct results.

    Raises:
        MetricsError: frames or broker are not available. A side that fails does not end the others.
    """
    made = frames.prepared(_cache("frames"), frames.Recipe(count))
    pythons = environments.interpreters(_cache("environments"), [side.packages for side in sides])
    with broker.running(_cache("broker")) as running:
        topic = f"{TOPIC_PREFIX}{secrets.token_hex(4)}-frames"
        running.create(topic)
        try:
            _load(running, topic, made)
            runs = _run_all(Runner(running, topic, made.truth, pythons), sides, rounds)
        finally:
            running.delete(topic)
        say_folded(results.as_table(results.rows(sides, runs, count)), before="of kcat: min")
        if path is not None:
            circumstances = machine.circumstances(running.name, sides, pythons)
            results.write(path, sides, runs, made.truth, circumstances)
            say(f"wrote {console.shown(path)}")
    return all(each.is_good for each in runs)


def measure(measured: Callable[[Broker], Findings], docs: Path | None) -> bool:
    """Measure this application live, print the table, and write the page.

    Args:
        docs: the folder for page and figures; None: they are only printed.

    Returns:
        Whether the results were correct.

    Raises:
        MetricsError: there is no broker, or a process ended early.
    """
    with broker.running(_cache("broker")) as running:
        found = measured(running)
        return _concluded(found, docs, machine.circumstances(running.name, [OURS], {}))


def load(asked: loading.Asked, docs: Path | None) -> bool:
    """Measure loads of the catalogue, print the table, and write the page.

    Args:
        docs: as `measure`.

    Returns:
        Whether all targets were met, with correct tables.

    Raises:
        MetricsError: the database cannot be started, or a load failed.
    """
    found, ran_on = loading.measured(asked, _cache)
    return _concluded(found, docs, machine.now([f"Machine: {machine.description()}", *ran_on]))


def harvest(asked: harvesting.Asked, docs: Path | None) -> bool:
    """Measure parsers of server-sent events and harvests of a flood, print the tables, and write the page.

    Args:
        docs: as `measure`.

    Returns:
        Whether this application found every frame, with flat memory.

    Raises:
        MetricsError: a side or a harvest failed.
    """
    found, ran_on = harvesting.measured(asked, _cache)
    return _concluded(found, docs, machine.now([f"Machine: {machine.description()}", *ran_on]))


def view(asked: viewing.Asked, docs: Path | None) -> bool:
    """Measure uploads, counting and answers of views, print the tables, and write the page.

    Args:
        docs: as `measure`.

    Returns:
        Whether all targets were met, with correct tables and scores.

    Raises:
        MetricsError: broker or database cannot be started, or a side failed.
    """
    found, ran_on = viewing.measured(asked, _cache)
    return _concluded(found, docs, machine.now([f"Machine: {machine.description()}", *ran_on]))


def scale(asked: scaling.Asked, docs: Path | None) -> bool:
    """Measure Flink beside this application, print the tables, and write the page.

    Args:
        docs: as `measure`.

    Returns:
        Whether all targets were met.

    Raises:
        MetricsError: broker or Flink cannot be started, or a side failed.
    """
    found, ran_on = scaling.measured(asked, _cache)
    return _concluded(found, docs, machine.circumstances(ran_on, scaling.SIDES, {}))


def _concluded(found: Findings, docs: Path | None, circumstances: Circumstances) -> bool:
    """Print findings, and write their page; return whether there is no problem."""
    say(f"\n{found.as_markdown()}\n")
    if docs is not None:
        say(f"wrote {console.shown(found.write(docs, circumstances.paragraph()))}")
    for problem in found.problems:
        console.warn(f"wrong: {problem}")
    return not found.problems


def _cache(name: str) -> Path:
    """Return a folder of the cache, which is in XDG_CACHE_HOME, else in ~/.cache; it is created if missing."""
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / CACHE / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def _load(running: Broker, topic: str, made: Made) -> None:
    """Load the frames, and read them once, so that the first side finds them in memory as later ones do."""
    with bar("loading", made.truth.frames) as move:
        for sent in running.load(topic, Lines([made.path], MAX_FRAME_BYTES)):
            move(sent)
    running.count(topic)


def _run_all(runner: Runner, sides: Sequence[Side], rounds: int) -> list[Run]:
    """Run every side in each round, show which one is running, and print a line for each run."""
    runs: list[Run] = []
    order = [(number, side) for number in range(1, rounds + 1) for side in in_turn(sides, number)]

    def current() -> str:
        number, side = order[min(len(runs), len(order) - 1)]
        return f"round {number} of {rounds}: {side.name}"

    with bar(current, len(order)) as move:
        for number, side in order:
            runs.append(runner.run(side, number))
            move(len(runs))
            say(results.as_line(runs[-1], runner.truth.frames))
    return runs
