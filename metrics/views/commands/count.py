"""`views count`: the job alone."""

from metrics.cli.reporting import stopping_on_signals
from metrics.terminal.console import say
from metrics.views.commands.counting import use_topics_of_job
from metrics.views.commands.live_line import live_line
from metrics.views.commands.monitored import monitored_job
from metrics.views.commands.options import AcceptLoss, Standby, TakeOver, UntilEnd
from metrics.views.commands.report import JobReport, sum_up
from metrics.views.job.run import JobOptions
from metrics.views.job.run import count as count_views

NOT_COMMITTED = "; the next run counts the uncommitted events"


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
    report = JobReport()
    with (
        use_topics_of_job(say) as (settings, _, url),
        stopping_on_signals(NOT_COMMITTED) as stopping,
        monitored_job(settings) as listeners,
    ):
        say(f"counting {settings.views_topic}; Ctrl-C stops")
        with live_line(report.figures, stopping):
            count_views(settings, url, options, stopping, [report, *listeners])
    sum_up(report)
