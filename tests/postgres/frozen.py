"""Processes of a PostgreSQL server that are frozen: they exist and hold their locks, but do nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


def server_processes(folder: Path) -> list[psutil.Process]:
    """Return all processes of the local server in a folder, the first one first."""
    first = psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))
    return [first, *first.children(recursive=True)]


@contextmanager
def frozen(processes: Sequence[psutil.Process]) -> Iterator[None]:
    """Freeze processes while the context lasts."""
    try:
        _each(processes, psutil.Process.suspend)
        yield
    finally:
        _each(processes, psutil.Process.resume)


def _each(processes: Sequence[psutil.Process], act: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a session that was just ending
            act(process)
