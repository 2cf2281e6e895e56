"""Options that select times, in several commands."""

from typing import Annotated

import typer

Last = Annotated[
    str | None,
    typer.Option("--last", metavar="DURATION", help="The range from this long ago until now: 90s, 10m, 1h30m, 2d."),
]
