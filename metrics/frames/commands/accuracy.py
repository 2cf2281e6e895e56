"""`accuracy`: shows how many frames of a file each allowed lateness would miss."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from metrics.files.line_reader import Lines
from metrics.frames.accuracy import plot as pictures
from metrics.frames.accuracy import text
from metrics.frames.accuracy.lateness import Lags
from metrics.frames.commands.frame_files import FrameFiles, frame_lines, require_times_in_files
from metrics.frames.core.frame import MAX_FRAME_BYTES
from metrics.frames.settings import Settings
from metrics.terminal.console import name_of, say, shown
from metrics.terminal.progress import bar
from metrics.wording.errors import FileError, SettingsError
from metrics.wording.text import numbered

MAX_LATENESS_S = 86_400


def accuracy(
    files: FrameFiles,
    *,
    lateness_s: Annotated[
        str, typer.Option("--lateness-s", metavar="S,S,…", help="Values of LATENESS_S to compare.")
    ] = "0,1,2,5,10,60,3600",
    picture: Annotated[
        Path | None, typer.Option("--picture", metavar="FILE", help="Also draw the table: .svg, .png or .pdf.")
    ] = None,
) -> None:
    """Show how many frames of FILE each allowed lateness would miss, and how long it would delay results.

    The reference is the count with unlimited lateness. Files are read once, as one partition, without Kafka.

    Example: `python app.py accuracy data/stream.jsonl --lateness-s 0,5,60 --picture tradeoff.svg`
    """
    lines, latenesses_s, settings = frame_lines(files), _latenesses_of(lateness_s), Settings.load()
    require_times_in_files(settings)
    if picture is not None:
        pictures.check(picture)
    lags = Lags()
    with bar(f"reading {name_of(lines)}", lines.size_bytes) as move:
        lags.read(_moving(lines, move), settings.rules())
    if not lags.frames:
        raise FileError(
            f"{name_of(lines)} contains no frames", why="there is nothing to measure", hint="name another file"
        )
    found = [lags.tradeoff(at) for at in latenesses_s]
    text.show(lags, found)
    if picture is not None:
        pictures.draw(picture, found, f"{Path(name_of(lines)).name}: {numbered(lags.frames, 'frame')}")
        say(f"wrote {shown(picture)}")


def _moving(frames: Lines, move: Callable[[int], None]) -> Iterator[bytes]:
    for number, frame in enumerate(frames, 1):
        if number % 1000 == 0:
            move(frames.read_bytes)
        yield frame if len(frame) <= MAX_FRAME_BYTES else b""  # a truncated line is not a frame


def _latenesses_of(text: str) -> list[int]:
    """Parse a list of allowed latenesses in seconds, such as `0,5,60`; the result is sorted and without duplicates.

    Raises:
        SettingsError: the list cannot be parsed.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and int(part) <= MAX_LATENESS_S for part in parts):
        raise SettingsError(
            f"invalid --lateness-s '{text}'",
            hint=f"give whole seconds from 0 to {MAX_LATENESS_S}, separated by commas: 0,1,5,60",
        )
    return sorted({int(part) for part in parts})
