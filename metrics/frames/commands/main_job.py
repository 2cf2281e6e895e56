"""The main job: counts until Ctrl-C or the end of the input."""

from typing import Annotated

import typer

from metrics.cli.registry import begin
from metrics.cli.version import Version


def main_job(
    context: typer.Context,
    *,
    verbose: Annotated[
        bool,
        typer.Option("--verbose/--no-verbose", help="Print each closed window, and the execution metrics."),
    ] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the current end of the input, and close every window.")
    ] = False,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Take over from an active instance at once instead of waiting.")
    ] = False,
    standby: Annotated[
        bool, typer.Option("--standby", help="If another instance takes over, continue as a standby.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Continue even if saved state, or frames it needs, are gone.")
    ] = False,
    version: Version = False,  # noqa: ARG001  # handled by its callback
) -> None:
    """Count the frames of a Kafka topic: **frames per second** and **unique users per minute**.

    Runs until Ctrl-C; the next run continues from there. Without BOOTSTRAP_SERVERS it starts a local Kafka, feeds it,
    and stops it at the end.

    Example: `BOOTSTRAP_SERVERS=localhost:9092 python app.py --verbose`
    """
    if context.invoked_subcommand is not None:
        return
    begin(context)
    # The other commands do without these imports, which take 0.15 s and 8 MB.
    from metrics.frames.commands.counting import JobOptions, count  # noqa: PLC0415

    count(JobOptions(verbose, until_end, take_over, standby, accept_loss))
