"""Standard output and standard error, prepared for closed pipes, full disks, and streams that were never open.

When standard output fails, that raises one `MetricsError`; later output is discarded, so that neither a clean-up nor
the end of the interpreter fails again. When standard error fails, its output is discarded without an error.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO, cast

from metrics.wording.errors import FileError, MetricsError, OutputClosedError

OUTPUT, ERRORS = 1, 2


def take_over() -> None:
    """Replace this process's streams by ones that fail as described."""
    # A file opened later must not get the descriptor, and then the lines, of a stream that was closed from the start.
    while (opened := os.open(os.devnull, os.O_RDWR)) <= ERRORS:
        pass
    os.close(opened)
    sys.stdout = cast("TextIO", _wrapped(_NeverOpen if sys.stdout is None else _Output, sys.stdout, OUTPUT))
    sys.stderr = cast("TextIO", _wrapped(_Errors, sys.stderr, ERRORS))


@contextmanager
def binary_output() -> Iterator[BinaryIO]:
    """Yield standard output for bytes; it is flushed at the end.

    Raises:
        FileError, OutputClosedError: it failed.
    """
    require_open()
    sys.stdout.flush()
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except OSError as error:
        raise _failed(error) from error


def require_open() -> None:
    """Check that standard output is open, before an answer is written to it; other output may be discarded.

    Raises:
        FileError: it was closed from the start.
    """
    if isinstance(sys.stdout, _NeverOpen):
        raise FileError(
            "standard output cannot be written", why="it is closed (>&-)", hint="send it to a file or a pipe"
        )


def require_reader() -> None:
    """Check that standard output, if it is a pipe, still has a reader, without writing to it.

    Raises:
        OutputClosedError: its reader has gone.
    """
    output = select.poll()
    output.register(OUTPUT, 0)
    if any(event & (select.POLLERR | select.POLLHUP) for _, event in output.poll(0)):
        raise _failed(BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)))


class _StandardStream(io.TextIOWrapper):
    """A stream whose failures `fail` handles."""

    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            self.fail(error)
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self.fail(error)

    def fail(self, error: OSError) -> None:
        raise NotImplementedError


class _Output(_StandardStream):
    """Standard output."""

    def fail(self, error: OSError) -> None:
        raise _failed(error) from error


class _NeverOpen(_Output):
    """Standard output of a process that was started without one: output is discarded."""


class _Errors(_StandardStream):
    """Standard error."""

    def fail(self, error: OSError) -> None:  # noqa: ARG002
        _discard(ERRORS)


def _wrapped(kind: type[io.TextIOWrapper], stream: TextIO | None, number: int) -> io.TextIOWrapper:
    """Wrap a stream in another class; characters that the terminal cannot show are replaced."""
    if not isinstance(stream, io.TextIOWrapper):
        return kind(io.FileIO(number, "w", closefd=False), encoding="utf-8", write_through=True)
    encoding, is_line_buffered = stream.encoding, stream.line_buffering
    return kind(stream.detach(), encoding=encoding, errors="replace", line_buffering=is_line_buffered)


def _failed(error: OSError) -> MetricsError:
    _discard(OUTPUT)
    if error.errno == errno.EPIPE:
        return OutputClosedError("standard output was closed by its reader")
    return FileError(
        "standard output cannot be written",
        why=error.strerror or str(error),
        hint="make room, or send it elsewhere",
    )


def _discard(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
