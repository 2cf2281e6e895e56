"""Arguments that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

FrameFiles = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE",
        help="Frames, one a line: .jsonl, .jsonl.gz, .jsonl.xz or .jsonl.zst; a folder of such files; "
        "- for standard input.",
    ),
]
