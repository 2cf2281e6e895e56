"""`generate`: writes frames like the challenge's to a file."""

from pathlib import Path
from typing import Annotated

import typer

from metrics.cli.written_lines import write_lines
from metrics.frames.core.shape import Shape
from metrics.frames.producer import generator
from metrics.frames.settings import Settings
from metrics.wording.errors import SettingsError

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
    write_lines(file, frames, count, "frame")


def require_generated_shape(settings: Settings) -> None:
    """Check that generated frames are of the shape that is read.

    Raises:
        SettingsError: they are not.
    """
    if settings.shape() != Shape():
        raise SettingsError(
            f"there are no frames to feed for {settings.shape()}",
            why="data/ has no file, and generated frames have a ts in seconds and a uid",
            hint="put a file of your frames into data/, or leave these settings out",
        )
