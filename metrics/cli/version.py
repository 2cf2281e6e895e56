"""The option `--version`."""

from typing import Annotated

import typer

from metrics import __version__


def _say_version(is_asked: bool) -> None:  # noqa: FBT001  # typer calls it so
    if is_asked:
        typer.echo(f"metrics {__version__}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
]
