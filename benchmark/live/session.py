"""One live measurement from end to end: broker, measurement, table, page."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from benchmark import broker, cache, machine
from benchmark.broker import Broker
from benchmark.sides import OURS
from metrics.terminal import console
from metrics.terminal.console import say


class Found(Protocol):
    """Findings of a measurement."""

    @property
    def problems(self) -> Sequence[str]:
        """Errors in the results, in words."""

    def as_markdown(self) -> str:
        """Return the findings as a table, and a sentence on the results."""

    def write(self, folder: Path, circumstances: str) -> Path:
        """Write the page and its figures into a folder, and return the page's path."""


def run(measure: Callable[[Broker], Found], docs: Path | None, command: str) -> bool:
    """Measure, print the table, and write the page.

    Args:
        docs: the folder for page and figures; None: they are only printed.
        command: the command that was called, for the page.

    Returns:
        Whether the results were correct.

    Raises:
        MetricsError: there is no broker, or a process ended early.
    """
    with broker.running(cache.folder("broker"), os.environ) as running:
        found = measure(running)
        say(f"\n{found.as_markdown()}\n")
        if docs is not None:
            path = found.write(docs, machine.circumstances(command, running.name, [OURS], {}).paragraph())
            say(f"wrote {console.shown(path)}")
    for problem in found.problems:
        console.warn(f"wrong: {problem}")
    return not found.problems
