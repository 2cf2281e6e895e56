"""`harvest replay`: the events of a run, made once more from its raw files."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Annotated

import typer

from metrics.files.atomic import write_errors
from metrics.files.paths import named
from metrics.harvest.archive import replay as archive
from metrics.harvest.archive.folders import JOURNAL
from metrics.harvest.archive.replay import Replayed
from metrics.terminal.console import err, note, warn
from metrics.terminal.progress import bar
from metrics.terminal.streams import binary_output
from metrics.wording.errors import FileError
from metrics.wording.text import in_line, numbered

_DISK_HINT = "set TMPDIR to a folder on a larger disk"


def replay(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Raw files of a run: data/archive/RUN, or a copy of it.")
    ],
) -> None:
    """Read the raw files of a run again, and print its events as CSV.

    With the same version of the program and of the time zone data, it is the processed file, byte for byte. Nothing in
    the folder is changed.

    Example: `python app.py harvest replay data/archive/20231207_170121 | cmp - data/processed/processed_….csv`
    """
    if not (folder / JOURNAL).is_file():
        raise FileError(
            f"{named(folder)} is not a folder with the raw files of a run",
            why=f"it has no {JOURNAL}",
            hint="name one such as data/archive/20231207_170121; python app.py harvest runs lists the runs",
        )
    with TemporaryDirectory() as room, write_errors(Path(room), _DISK_HINT), TemporaryFile(dir=room) as csv:
        replayed = _replay(folder, csv, Path(room))
        csv.seek(0)
        with binary_output() as output:
            shutil.copyfileobj(csv, output)
    if replayed.lost:
        warn(f"{numbered(replayed.lost, 'frame')} are in the journal, but incomplete in the raw files")
    events = sum(stream.events for stream in replayed.tally.streams.values())
    note(f"run {in_line(replayed.timeline.started.run)}: {numbered(events, 'event')}")


def _replay(folder: Path, csv: IO[bytes], room: Path) -> Replayed:
    total: int | None = None
    with bar(f"replaying {folder.name}", lambda: total, err) as move:

        def progress(done: int, size: int) -> None:
            nonlocal total
            total = size
            move(done)

        return archive.replay(folder, csv, room, progress)
