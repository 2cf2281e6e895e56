"""`generate`: writes frames like the challenge's to a file."""

from collections.abc import Iterable
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics.files.line_writer import writing
from metrics.frames.producer import generator
from metrics.terminal.console import is_standard_output, note, say, shown
from metrics.terminal.progress import bar
from metrics.terminal.streams import binary_output
from metrics.text import pace

# The frames that a first run generates: ten minutes of event time.
FRAMES, RATE, USERS = 60_000, 100.0, 5_000


def generate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="File to write: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; - for standard output.",
        ),
    ],
    count: Annotated[int, typer.Option(metavar="N", help="Number of frames.")] = FRAMES,
    rate: Annotated[float, typer.Option(metavar="R", help="Frames per second of event time, on average.")] = RATE,
    users: Annotated[int, typer.Option(metavar="N", help="Number of users.")] = USERS,
    delay_s: Annotated[int, typer.Option(metavar="S", help="Largest delay of a frame, in seconds of event time.")] = 0,
    delay_probability: Annotated[float, typer.Option(metavar="P", help="Share of frames that are delayed.")] = 0.02,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same file.")] = 0,
) -> None:
    """Write frames like the challenge's to FILE, about 2 KB each.

    Example: `python app.py generate data/stream.jsonl --count 1000000 --rate 1000 --users 100000 --delay-s 5`
    """
    frames = generator.frames(
        count=count, rate=rate, users=users, delay_s=delay_s, delay_probability=delay_probability, seed=seed
    )
    if file == Path("-"):
        _write_to_standard_output(frames, count)
    else:
        write_frames(file, frames, count)


def _write_to_standard_output(frames: Iterable[bytes], count: int) -> None:
    started_s = monotonic()
    with binary_output() as output:
        for frame in frames:
            output.write(frame + b"\n")
    note(f"wrote standard output: {pace(count, 'frame', monotonic() - started_s)}")


def write_frames(path: Path, frames: Iterable[bytes], count: int) -> None:
    """Write frames to a file; `count` is their number, for the bar."""
    started_s = monotonic()
    with writing(path) as write, bar(f"writing {path.name}", count) as move:
        for number, frame in enumerate(frames, 1):
            write(frame)
            if number % 1000 == 0:
                move(number)
    report = note if is_standard_output(path) else say  # standard output is for the frames alone
    report(f"wrote {shown(path)}: {pace(count, 'frame', monotonic() - started_s)}")
