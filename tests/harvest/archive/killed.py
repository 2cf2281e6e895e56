"""A program that records and finishes runs in processes of its own, and kills them by SIGKILL.

`python -m tests.harvest.archive.killed calls SEED ROOT`: the process of ROOT/N is killed at its Nth system call that
changes a file, of a write after half of its bytes; one process for each N, until one comes to its end.

`python -m tests.harvest.archive.killed moments SEED ROOT NUMBER`: NUMBER processes, each killed at a random moment.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from metrics.harvest.archive.finish import finish
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.core.journal import Stopped
from tests.harvest.archive.recorded import START_US, Recorder

FRAMES = {"calls": 3, "moments": 150}


def harvest(root: Path, seed: int, frames: int) -> None:
    """Record a run and finish it."""
    with lock_folder(Folders(root)) as folders:
        run = folders.new_run(START_US)
        Recorder(folders.raw_run(run), seed, frames=frames).record(Stopped(at_us=START_US + 20_000_000, by="time"))
        finish(folders, run)


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_call(number: int) -> None:
    """Kill this process at a system call that changes a file, counted from 1."""
    calls = count(1)

    def dying(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*args: Any, **named: Any) -> Any:
            if next(calls) == number:
                if call is WRITE:
                    WRITE(args[0], args[1][: len(args[1]) // 2])
                die()
            return call(*args, **named)

        return instead

    for name in ("write", "fsync", "rename", "replace", "ftruncate", "mkdir", "unlink"):
        setattr(os, name, dying(getattr(os, name)))


WRITE = os.write


def start(work: Callable[[], None]) -> int:
    """Do some work in a process of its own; return its id."""
    process = os.fork()
    if not process:
        work()
        os._exit(0)
    return process


def at_each_call(root: Path, seed: int) -> None:
    """Kill a process at each call, until one has no call left."""
    for number in count(1):

        def work(number: int = number) -> None:
            die_at_call(number)
            harvest(root / str(number), seed, FRAMES["calls"])

        _, status = os.waitpid(start(work), 0)
        if status == 0:
            return
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, status


def at_moments(root: Path, seed: int, number: int) -> None:
    """Kill processes, each at a random moment of the time that one takes which is left alone."""
    before_s = time.monotonic()
    assert os.waitpid(start(lambda: harvest(root / "0", seed, FRAMES["moments"])), 0)[1] == 0
    took_s = time.monotonic() - before_s
    random = Random(seed)
    for index in range(1, number + 1):
        (root / str(index)).mkdir()  # also for a process that is killed before it makes anything
        process = start(lambda index=index: harvest(root / str(index), seed, FRAMES["moments"]))  # type: ignore[misc]
        time.sleep(random.uniform(0, took_s))
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


if __name__ == "__main__":
    how, seed, root = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if how == "calls":
        at_each_call(root, seed)
    else:
        at_moments(root, seed, int(sys.argv[4]))
