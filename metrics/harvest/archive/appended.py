"""Files that a run only appends to, without a buffer in the process: written bytes survive the end of the process."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from metrics.files.atomic import write_errors

_DISK_HINT = "move HARVEST_DIR to a larger disk; the next harvest finishes this run"


class AppendedFile:
    """A new file to append to: each write is kept whole, or not at all.

    Raises:
        FileError: by each method, if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with write_errors(path, _DISK_HINT):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o666)
        self._size_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Append data; if that fails, none of it is kept."""
        with write_errors(self._path, _DISK_HINT):
            try:
                written = os.write(self._file, data)
                while written < len(data):  # a nearly full disk takes only a part
                    written += os.write(self._file, data[written:])
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file, self._size_bytes)
                raise
        self._size_bytes += len(data)

    def truncate(self, end: int) -> None:
        """Drop the bytes from this offset on."""
        assert end <= self._size_bytes, "truncating never extends the file"
        with write_errors(self._path, _DISK_HINT):
            os.ftruncate(self._file, end)
        self._size_bytes = end

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._file >= 0:
            file, self._file = self._file, -1
            with write_errors(self._path, _DISK_HINT):
                os.close(file)
