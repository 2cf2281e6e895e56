"""Zip archives: their members, in order."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO

from metrics.catalogue.collect.local import FITTING, FITTING_TEXT
from metrics.catalogue.collect.source import BROKEN, corrupt
from metrics.wording.errors import FileError
from metrics.wording.text import in_line

_ENCRYPTED = 0x1  # of the flags of a member


@contextmanager
def open_archive(name: str, file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open an archive; yields it.

    Raises:
        FileError: it is truncated, corrupt, or not an archive.
    """
    try:
        archive = zipfile.ZipFile(file)
    except BROKEN as error:
        raise corrupt(name, str(error)) from error
    with archive:
        yield archive


def members(name: str, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the members to load; if there are several, only those whose names fit: an archive may have a README.

    Args:
        name: of the archive.

    Raises:
        FileError: there is none, or one is encrypted or an archive itself.
    """
    files = [member for member in archive.infolist() if not member.is_dir() and not _is_hidden(member)]
    fitting = files if len(files) == 1 else [file for file in files if FITTING.fullmatch(path_name(file))]
    if not fitting:
        raise FileError(
            f"{name} contains no file to load",
            why=f"no file in this archive has {FITTING_TEXT}",
            hint="name another archive; or unpack this one, and name the file",
        )
    for member in fitting:
        _require_plain(name, member)
    return fitting


@contextmanager
def open_member(name: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    """Open a member; yields its contents.

    Raises:
        FileError: its compression is unknown, or the archive is corrupt.
    """
    try:
        file = archive.open(member)
    except (*BROKEN, NotImplementedError) as error:
        raise corrupt(name, str(error)) from error
    with file:
        yield file


def path_name(member: zipfile.ZipInfo) -> str:
    """Return the name of a member without its folders."""
    return PurePosixPath(member.filename).name


def _is_hidden(member: zipfile.ZipInfo) -> bool:
    """Return whether this file is hidden, in a hidden folder, or in the folder that macOS adds."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePosixPath(member.filename).parts)


def _require_plain(name: str, member: zipfile.ZipInfo) -> None:
    shown = in_line(member.filename)
    if member.flag_bits & _ENCRYPTED:
        raise FileError(
            f"{name} is encrypted",
            why=f"{shown} in it needs a password",
            hint="unpack it, and name the file",
        )
    if path_name(member).lower().endswith(".zip"):
        raise FileError(f"{name} contains another archive, {shown}", hint="unpack it, and name the inner archive")
