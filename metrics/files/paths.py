"""Paths of files of lines: the files in a folder, and names in errors."""

import contextlib
import errno
import stat
from collections.abc import Sequence
from pathlib import Path

from metrics.wording.errors import FileError, SettingsError
from metrics.wording.text import in_line

PATTERNS = ("*.jsonl", "*.jsonl.gz", "*.jsonl.xz", "*.jsonl.zst")
STANDARD_INPUT = Path("-")

_HOW_TO_READ = {
    errno.ENOENT: "name an existing file",
    errno.EISDIR: "name one of the files in it",
    errno.EACCES: "allow reading it, or name another file",
}


def named(path: Path) -> str:
    """Return the name of a path in errors."""
    return "standard input" if path == STANDARD_INPUT else in_line(str(path))


def expanded(paths: Sequence[Path], how_to_generate: str) -> list[Path]:
    """Return paths with each folder replaced by its files that match PATTERNS, in the order of their names.

    Hidden files do not count. A file that is given itself may have any name; `-` is standard input.

    Args:
        how_to_generate: the command that writes such a file, for hints.

    Raises:
        SettingsError: standard input is given twice.
        FileError: a path does not exist, or is a folder that cannot be read or has no such file.
    """
    if paths.count(STANDARD_INPUT) > 1:
        raise SettingsError("standard input is given twice", hint="give it once: it can be read only once")
    return [file for path in paths for file in _files_of(path, how_to_generate)]


def _files_of(path: Path, how_to_generate: str) -> list[Path]:
    try:
        is_folder = path != STANDARD_INPUT and stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError as error:
        missing = unreadable(path, error)
        hint = f"{missing.hint}, or generate one: {how_to_generate}"
        raise FileError(missing.what, why=missing.why, hint=hint) from error
    except OSError as error:
        raise unreadable(path, error) from error
    files = files_in(path) if is_folder else [path]
    if not files:
        raise FileError(
            f"{path} contains no file of JSON lines",
            why=f"it is a folder without any {', '.join(PATTERNS)}",
            hint=f"name another, or generate a file: {how_to_generate}",
        )
    return files


def files_in(folder: Path) -> list[Path]:
    """Return the files in a folder that match PATTERNS, in the order of their names; none if it does not exist.

    Hidden files do not count.

    Raises:
        FileError: the folder cannot be read.
    """
    try:
        files = sorted(folder.iterdir())  # glob would treat an unreadable folder as empty
        return [file for file in files if any(map(file.match, PATTERNS)) and _counts(file)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error


def _counts(file: Path) -> bool:
    """Return whether this is a visible regular file; is_file would hide that it must not be examined."""
    with contextlib.suppress(FileNotFoundError):
        return not file.name.startswith(".") and stat.S_ISREG(file.stat().st_mode)
    return False


def unreadable(path: Path, error: Exception) -> FileError:
    """Return the error for a file that cannot be read to its end."""
    if isinstance(error, OSError) and error.errno is not None:
        hint = _HOW_TO_READ.get(error.errno, "name another file")
        return FileError(f"{named(path)} cannot be read", why=error.strerror or str(error), hint=hint)
    return FileError(
        f"{named(path)} is corrupt, truncated, or not what its name says",
        why=str(error),
        hint="recreate it, or rename it: .gz, .xz and .zst are decompressed, all else is text",
    )
