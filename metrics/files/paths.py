"""Files of lines by their names: those that a folder holds, the one taken by default, and how errors name them."""

import contextlib
import errno
import stat
from collections.abc import Sequence
from pathlib import Path

from metrics.errors import FileError, SettingsError
from metrics.text import in_line

PATTERNS = ("*.jsonl", "*.jsonl.gz", "*.jsonl.xz", "*.jsonl.zst")
DEFAULT_NAME = "stream.jsonl"
STANDARD_INPUT = Path("-")

_HOW_TO_READ = {
    errno.ENOENT: "name a file that is there, or make one: python app.py generate FILE",
    errno.EISDIR: "name one of the files in it",
    errno.EACCES: "allow reading it, or name another file",
}


def default_file(folder: Path) -> Path | None:
    """Return the file to take when none is named: stream.jsonl, else the first by name of the first of PATTERNS.

    Returns:
        None when the folder has no such file, or is not there. Hidden files do not count.

    Raises:
        FileError: the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir())  # glob would take a folder that may not be read for an empty one
        for pattern in (DEFAULT_NAME, *PATTERNS):
            for file in files:
                if file.match(pattern) and _counts(file):
                    return file
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(folder, error) from error
    return None


def named(path: Path) -> str:
    """Return a path as errors name it."""
    return "standard input" if path == STANDARD_INPUT else in_line(str(path))


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Return the files that paths stand for: a folder for its files of PATTERNS in the order of their names.

    Hidden files do not count. A file that is named itself counts whatever its name, and so does `-`, standard input.

    Raises:
        SettingsError: standard input is named twice.
        FileError: a path is not there, or is a folder that cannot be read or has no such file.
    """
    if paths.count(STANDARD_INPUT) > 1:
        raise SettingsError("standard input is named twice", hint="name it once: it can be read but once")
    return [file for path in paths for file in _files_of(path)]


def _files_of(path: Path) -> list[Path]:
    try:
        if path == STANDARD_INPUT or not stat.S_ISDIR(path.stat().st_mode):
            return [path]
        files = [file for file in path.iterdir() if any(map(file.match, PATTERNS)) and _counts(file)]
    except OSError as error:
        raise unreadable(path, error) from error
    if not files:
        raise FileError(
            f"{path} holds no file of frames",
            why=f"it is a folder without any of {', '.join(PATTERNS)}",
            hint="name another, or make one: python app.py generate FILE",
        )
    return sorted(files)


def _counts(file: Path) -> bool:
    """Tell whether this is a file of frames; is_file would take one that may not be looked at for none."""
    with contextlib.suppress(FileNotFoundError):
        return not file.name.startswith(".") and stat.S_ISREG(file.stat().st_mode)
    return False


def unreadable(path: Path, error: Exception) -> FileError:
    """Return the error of a file that cannot be read, or not to its end."""
    if isinstance(error, OSError) and error.errno is not None:
        hint = _HOW_TO_READ.get(error.errno, "name another file")
        return FileError(f"{named(path)} cannot be read", why=error.strerror or str(error), hint=hint)
    return FileError(
        f"{named(path)} is broken, cut off, or not what its name says",
        why=str(error),
        hint="get or make it again, or give it the name that fits: .gz, .xz and .zst are unpacked, all else is text",
    )
