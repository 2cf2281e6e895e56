"""`flink sql`: prints the statements."""

from typing import Annotated

import typer

from metrics.cli.use_broker import settings_for_broker
from metrics.frames.flink.script import script
from metrics.frames.flink.settings import FlinkSettings
from metrics.terminal.console import say_lines

Parallelism = Annotated[int, typer.Option(min=1, metavar="N", help="Number of tasks that work side by side.")]


def sql(
    *,
    parallelism: Parallelism = 1,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end of the input, and close every window.")
    ] = False,
) -> None:
    """Print the SQL that counts frames on Flink, with the settings of the application filled in.

    Example: `python app.py flink sql --parallelism 4 > frames.sql`
    """
    text = script(settings_for_broker(FlinkSettings), parallelism=parallelism, until_end=until_end)
    say_lines(text.splitlines())
