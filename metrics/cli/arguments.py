"""Arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

from metrics import __version__

FrameFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Frames, one per line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; a folder of such files; "
        "- for standard input.",
    ),
]


def _say_version(is_asked: bool) -> None:  # noqa: FBT001  # typer calls it so
    if is_asked:
        typer.echo(f"metrics {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
]
