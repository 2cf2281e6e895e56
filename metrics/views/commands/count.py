"""`views count`: the job alone."""

from time import monotonic
from typing import Annotated

import typer

from metrics.cli.reporting import stopping_on_signals
from metrics.terminal.console import say
from metrics.text import numbered, pace
from metrics.views.commands.broker import use_topics
from metrics.views.commands.database import use_views_database
from metrics.views.job.listener import JobFigures, Listener
from metrics.views.job.run import JobOptions
from metrics.views.job.run import count as count_views

NOT_COMMITTED = "; the next run counts the uncommitted events"

UntilEnd = Annotated[bool, typer.Option("--until-end", help="Stop at the current end of the topic.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Take over from an active instance at once instead of waiting.")
]
Standby = Annotated[bool, typer.Option("--standby", help="If another instance takes over, continue as a standby.")]
AcceptLoss = Annotated[
    bool, typer.Option("--accept-loss", help="Continue even if events that were never counted are gone.")
]


def count(
    *,
    until_end: UntilEnd = False,
    take_over: TakeOver = False,
    standby: Standby = False,
    accept_loss: AcceptLoss = False,
) -> None:
    """Count the view events of VIEWS_TOPIC into the tables, each EventId once.

    Runs until Ctrl-C; the next run continues from there. While another instance is active, it waits as its standby.

    Example: `python app.py views count --until-end`
    """
    options = JobOptions(until_end, take_over, standby, accept_loss)
    report = _Report()
    with use_topics(say) as settings, use_views_database(say) as url, stopping_on_signals(NOT_COMMITTED) as stopping:
        say(f"counting {settings.views_topic}; Ctrl-C stops")
        count_views(settings, url, options, stopping, [report])
    report.sum_up()


class _Report(Listener):
    """Listener that sums up what this run has counted."""

    def __init__(self) -> None:
        self._first = self._last = JobFigures.none()
        self._began_s = monotonic()

    def begun(self, figures: JobFigures) -> None:
        """Count from here."""
        self._first = self._last = figures
        self._began_s = monotonic()

    def committed(self, figures: JobFigures, *_: object) -> None:
        """Keep the figures."""
        self._last = figures

    def sum_up(self) -> None:
        """Print what became of the records of this run."""
        read, counted, duplicates, invalid, _ = (
            after - before for before, after in zip(self._first.counts, self._last.counts, strict=True)
        )
        seconds = monotonic() - self._began_s
        say(
            f"read {pace(read, 'event', seconds)}: counted {counted:,}, "
            f"{numbered(duplicates, 'duplicate')}, {invalid:,} invalid"
        )
