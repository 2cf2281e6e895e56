"""Processes of a PostgreSQL server that are frozen: they exist and hold their locks, but do nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
        for process in processes:
            process.suspend()
        yield
    finally:
        for process in processes:
            process.resume()
