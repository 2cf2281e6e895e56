"""Atomic writes: a file appears under its name as a whole, or not at all."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from metrics.wording.errors import FileError

_BUFFER_BYTES = 1 << 20

_HOW_TO_WRITE = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR), "create the folder first, or name another"),
    errno.EISDIR: "name a file in it",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "allow writing there, or name another place"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "make room, or {less}"),
    errno.EFBIG: "{less}",
}


@contextlib.contextmanager
def writing(path: Path, less: str) -> Iterator[IO[bytes]]:
    """Open a file for an atomic write.

    The data goes to a file beside it, `NAME.….part`, which is renamed once it is complete and on disk. An error or
    Ctrl-C inside removes it, and leaves the previous file. A pipe or a device is written to directly.

    Args:
        less: how to write a smaller file; the hint when the disk is full.

    Raises:
        FileError: the folder does not exist, writing is not allowed, the path is a folder, or the disk is full.
    """
    with write_errors(path, less):
        place = _place(path)
    if place is None:
        with _opened(path, "wb", path, less) as file:
            yield file
        return
    part = place.with_name(f"{place.name}.{secrets.token_hex(4)}.part")
    try:
        with _opened(part, "xb", path, less) as file:
            yield file
        with write_errors(path, less):
            part.replace(place)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def write_errors(path: Path, less: str) -> Iterator[None]:
    """Turn errors of writing a file into FileErrors.

    Raises:
        FileError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise unwritable(path, error, less) from error


def unwritable(path: Path, error: OSError, less: str) -> FileError:
    """Return the error for a file that cannot be written."""
    hint = _HOW_TO_WRITE.get(error.errno or 0, "name another place").format(less=less)
    return FileError(f"{path} cannot be written", why=error.strerror or str(error), hint=hint)


def _place(path: Path) -> Path | None:
    """Return the path of the regular file to write, with links followed; None for a pipe or a device."""
    if path.exists():
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            return None
        path.open("r+b").close()  # fails for a folder, and if the file must not be changed
    return Path(os.path.realpath(path))


@contextlib.contextmanager
def _opened(place: Path, mode: str, path: Path, less: str) -> Iterator[IO[bytes]]:
    """Open `place` to write the file `path`, and close it: complete and on disk, or abandoned on an error."""
    with write_errors(path, less):
        file = cast("IO[bytes]", place.open(mode, buffering=_BUFFER_BYTES))
    try:
        yield file
        with write_errors(path, less):
            file.flush()
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                os.fsync(file.fileno())
            file.close()
    except BaseException:
        with contextlib.suppress(Exception):  # the error being raised says more
            file.close()
        raise
