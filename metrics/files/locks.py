"""Lock files in the folder of a local server, by which its processes and users know of each other.

A lock of `flock` belongs to an open file: it is released when the last descriptor of that file is closed, however its
processes die.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from metrics.wording.errors import FileError


@contextmanager
def folder_errors(folder: Path, user: str, hint: str) -> Iterator[None]:
    """Convert operating system errors about a folder.

    Args:
        user: of the folder, such as `the local broker`.
        hint: how to use another one.

    Raises:
        FileError: the folder cannot be used.
    """
    try:
        yield
    except OSError as error:
        raise FileError(f"{user}'s folder {folder} cannot be used", why=str(error), hint=hint) from error


def open_lock(folder: Path, name: str) -> IO[bytes]:
    """Open a file to be locked; it and its folder are created if they are missing, for this user only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open(folder / name, "ab", opener=private)


def private(path: str, flags: int) -> int:
    """Open a file, as an opener of `open`; one that is created is for this user only."""
    return os.open(path, flags, 0o600)


def try_lock(file: IO[bytes], kind: int = fcntl.LOCK_EX) -> bool:
    """Lock a file, unless another process prevents it; return whether it is locked by this one.

    Args:
        kind: `LOCK_EX`, or `LOCK_SH`, which other processes may hold at the same time.
    """
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
