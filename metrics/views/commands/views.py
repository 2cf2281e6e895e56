"""`views`: the API, the page and the job in one process; and the group of its subcommands."""

from typing import ClassVar

import typer

from metrics.cli.registry import STYLE, LazyGroup, begin
from metrics.cli.reporting import reporting
from metrics.cli.serving import LOOPBACK, Host, Port
from metrics.views.commands.options import PORT, AcceptLoss, Standby, TakeOver, UntilEnd

_NAMES = ("serve", "count", "send", "generate", "stats", "trend", "similar", "top", "verify", "init-db")


class Views(LazyGroup):
    """The subcommands of views, each in a module of its name; without one, `views` takes and counts."""

    modules: ClassVar = {name: f"metrics.views.commands.{name.replace('-', '_')}" for name in _NAMES}


def run(
    context: typer.Context,
    *,
    host: Host = LOOPBACK,
    port: Port = PORT,
    until_end: UntilEnd = False,
    take_over: TakeOver = False,
    standby: Standby = False,
    accept_loss: AcceptLoss = False,
) -> None:
    """Take view events, count each once, and answer questions about them: the API, the page and the job in one process.

    Without BOOTSTRAP_SERVERS and DATABASE_URL it starts a local broker and a local database, and stops them at the end.
    For more throughput, run `views serve` and `views count` apart.

    Example: `python app.py views`, then `python app.py views send events.jsonl --to http://127.0.0.1:6066`
    """
    if context.invoked_subcommand is not None:
        return
    begin(context)
    # The subcommands do without these imports.
    from metrics.views.commands.running import run_all  # noqa: PLC0415
    from metrics.views.job.run import JobOptions  # noqa: PLC0415

    run_all(host, port, JobOptions(until_end, take_over, standby, accept_loss))


views = typer.Typer(name="views", cls=Views, invoke_without_command=True, add_completion=False, **STYLE)
views.callback(invoke_without_command=True)(reporting(run))
