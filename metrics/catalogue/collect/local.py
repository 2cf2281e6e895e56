"""Local sources: a file, a pipe, standard input, the files of a folder or of a pattern."""

import glob
import os
import re
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from metrics.catalogue.collect.source import PIECE_BYTES, Source, read_errors
from metrics.files.paths import STANDARD_INPUT, named
from metrics.wording.errors import FileError

# Names of the files in a folder, and of the objects under a key, that are loaded.
FITTING = re.compile(r"[^.].*\.(csv|json)(\.(gz|xz|zst))?|[^.].*\.zip", re.IGNORECASE)
FITTING_TEXT = "a name that ends in .csv or .json (and then perhaps .gz, .xz or .zst), or in .zip"


class LocalFile(Source):
    """A file, or a pipe; `-` is standard input.

    Attributes:
        is_regular: whether it is a file, which can be read twice.
    """

    def __init__(self, path: Path) -> None:
        # The database stores the name; one that is not UTF-8 has surrogates, which it refuses.
        super().__init__(os.fsencode(named(path)).decode(errors="backslashreplace"), path.name, None)
        self._path = path
        with read_errors(self.name):
            status = os.fstat(0) if path == STANDARD_INPUT else path.stat()
            if stat.S_ISREG(status.st_mode):
                self.size_bytes = status.st_size
            if stat.S_ISREG(status.st_mode) and path != STANDARD_INPUT:
                path.open("rb").close()  # fails before the load begins
        self.is_regular = self.size_bytes is not None and path != STANDARD_INPUT

    def pieces(self) -> Generator[bytes, None, None]:
        """Yield the bytes of the file."""
        with self.open() as file:
            yield from self.pieces_of(file)

    def pieces_of(self, file: IO[bytes]) -> Iterator[bytes]:
        """Yield the bytes of this file, which `open` has opened."""
        while True:
            with read_errors(self.name):
                piece = file.read(PIECE_BYTES)
            if not piece:
                return
            yield piece

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Open the file, and check at the end that it has not changed since.

        A file that is replaced by another one has not changed: the one that is open stays complete.

        Raises:
            FileError: it cannot be opened, or it has changed.
        """
        is_input = self._path == STANDARD_INPUT
        with read_errors(self.name):
            file = open(0 if is_input else self._path, "rb", buffering=0, closefd=not is_input)  # noqa: SIM115
        with file:
            before = os.fstat(file.fileno())
            yield file
            after = os.fstat(file.fileno())
        if stat.S_ISREG(before.st_mode) and _version(before) != _version(after):
            raise FileError(
                f"{self.name} changed while it was read",
                why=f"it had {before.st_size:,} bytes, and now has {after.st_size:,}"
                if before.st_size != after.st_size
                else "its modification time has changed",
                hint="load it again once it is complete; its writer should rename it into place when it is done",
            )


def local_sources(config: str) -> list[LocalFile]:
    """Return the sources for `-`, a path, a folder, or a pattern, in the order of their names.

    Raises:
        FileError: there is none, or one cannot be read.
    """
    path = Path(config)
    with read_errors(named(path)):
        if path == STANDARD_INPUT or path.exists() or not glob.has_magic(config):
            return _in_folder(path) if path.is_dir() else [LocalFile(path)]
    files = [found for found in sorted(map(Path, glob.glob(config, recursive=True))) if found.is_file()]  # noqa: PTH207
    if not files:
        raise FileError(
            f"no file matches {named(path)}", hint="put the pattern in quotation marks, and check its folder"
        )
    return [LocalFile(file) for file in files]


def _in_folder(folder: Path) -> list[LocalFile]:
    with read_errors(named(folder)):
        files = sorted(file for file in folder.iterdir() if FITTING.fullmatch(file.name) and file.is_file())
    if not files:
        raise FileError(
            f"{named(folder)} contains no file to load",
            why=f"no file in this folder has {FITTING_TEXT}",
            hint="name another folder, or the file itself",
        )
    return [LocalFile(file) for file in files]


def _version(status: os.stat_result) -> tuple[int, int]:
    """Return size and time of a file: they differ between two versions of it."""
    return status.st_size, status.st_mtime_ns
