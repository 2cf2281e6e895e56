"""`catalogue generate`: writes six sample files, and the answers."""

from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from metrics.catalogue.generate import files
from metrics.terminal.console import say, shown
from metrics.terminal.progress import bar
from metrics.wording.text import pace


def generate(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="Folder to write to; created if it does not exist."),
    ],
    scale: Annotated[
        int, typer.Option(metavar="N", help="Multiply the number of sessions, users and reviews by N.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same files.")] = 0,
) -> None:
    """Write six sample files, and the answers: what loads of them must report, and the results of the six questions.

    internal/ gets movies.csv, users.csv and streams.csv; vendor/ gets authors.json, books.json and reviews.json. They
    have wrong, repeated and implausible records, too. The answers, in answers.json, assume loads in the order in which
    it lists them.

    Files of an earlier run are replaced; other files never are.

    Example: `python app.py catalogue generate data/catalogue --scale 10`
    """
    started_s = monotonic()
    with bar(f"writing {folder.name}", files.steps_of(scale)) as move:
        records = files.write(folder, scale=scale, seed=seed, move=move)
    say(f"wrote {shown(folder)}: {pace(records, 'record', monotonic() - started_s)}")
    say(f"the answers are in {shown(folder / files.ANSWERS)}")
