"""Files of frames: the argument that names them, and the default file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from metrics.cli.use_broker import PROJECT
from metrics.files.line_reader import Lines
from metrics.files.paths import PATTERNS, expanded, files_in
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.core.shape import TsFormat
from metrics.frames.settings import Settings
from metrics.wording.errors import FileError, SettingsError

DATA = PROJECT / "data"
DEFAULT_NAME = "stream.jsonl"
OTHERS = frozenset({"view-events.jsonl"})  # what other systems write there by default
ABOUT = (
    "Frames, one per line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; a folder of such files; - for standard input."
)

FrameFiles = Annotated[list[Path], typer.Argument(metavar="FILE", help=ABOUT)]


def frame_lines(files: Sequence[Path] = ()) -> Lines:
    """Return the lines of files and of the files in folders, or if none is given, of the default file in data/.

    A line that is too large for a frame is cut.

    Raises:
        SettingsError: standard input is given twice.
        FileError: a file cannot be read, a folder has none, or there is no default file.
    """
    if not files:
        path = default_file()
        if path is None:
            raise FileError(
                "no file of frames to feed",
                why=f"{DATA} contains no {', '.join(PATTERNS)}",
                hint="name a file, or generate one: python app.py generate data/stream.jsonl",
            )
        files = [path]
    return Lines(expanded(files, "python app.py generate FILE"), MAX_FRAME_BYTES)


def default_file(folder: Path = DATA) -> Path | None:
    """Return the default file in a folder: stream.jsonl, else the first by name of the first matching of PATTERNS.

    Default files of other systems do not count.

    Returns:
        None if the folder has no such file, or does not exist.

    Raises:
        FileError: the folder cannot be read.
    """
    files = [file for file in files_in(folder) if file.name not in OTHERS]
    return next((file for pattern in (DEFAULT_NAME, *PATTERNS) for file in files if file.match(pattern)), None)


def require_times_in_files(settings: Settings) -> None:
    """Check that the frames of files have times.

    Raises:
        SettingsError: they are Kafka timestamps, which files do not have.
    """
    if settings.ts_format is TsFormat.KAFKA:
        raise SettingsError(
            "TS_FORMAT=kafka cannot be used with files",
            why="their lines have no Kafka timestamps",
            hint="set TS_FIELD and TS_FORMAT to a time in the frames",
        )
