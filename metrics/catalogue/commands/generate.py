"""`catalogue generate`: writes six files like the real ones, and the answers beside them."""

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics.catalogue.generate import files
from metrics.terminal.console import say, shown
from metrics.terminal.progress import bar
from metrics.text import pace


def generate(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder to write to; created if it does not exist."),
    ],
    scale: Annotated[
        int, typer.Option(metavar="N", help="N times the sessions, users and reviews of the real files.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same files.")] = 0,
) -> None:
    """Write six files like the real ones, and the answers beside them.

    internal/ has movies.csv, users.csv and streams.csv, vendor/ has authors.json, books.json and reviews.json, with
    records that a load must reject, and repeated and implausible ones. answers.json has what each load must report if
    the models are loaded in its order, and the results of the six questions.

    Files that an earlier run generated are replaced, no others.

    Example: `python app.py catalogue generate data/catalogue --scale 10`
    """
    started_s = monotonic()
    with bar(f"writing {folder.name}", files.steps_of(scale)) as move:
        records = files.write(folder, scale=scale, seed=seed, move=move)
    say(f"wrote {shown(folder)}: {pace(records, 'record', monotonic() - started_s)}")
    say(f"the answers are in {shown(folder / files.ANSWERS)}")
