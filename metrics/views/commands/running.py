"""`views`: the API, the page and the job in one process.

The server runs in a thread of its own. 297,000 events, sent in one upload and counted, took 3.5 s of CPU time in one
process and 3.7 s in two (`views serve` and `views count`), with equal latency of single events; a shorter switch
interval of the interpreter changed neither. Two processes can use two cores, so for more throughput run them apart.
"""

from functools import partial

from metrics.cli import serving
from metrics.cli.reporting import stopping_on_signals
from metrics.terminal.console import say
from metrics.views.commands.count import NOT_COMMITTED
from metrics.views.commands.counting import use_topics_of_job
from metrics.views.commands.live_line import Figures, live_line
from metrics.views.commands.monitored import monitored_job
from metrics.views.commands.report import JobReport, TakingReport, sum_up
from metrics.views.commands.serve import ABOUT, TITLE, open_views_system
from metrics.views.job.run import JobOptions
from metrics.views.job.run import count as count_views
from metrics.views.taking.taker import Taker


def run_all(host: str, port: int, options: JobOptions) -> None:
    """Take events, answer and count, until Ctrl-C or to the end of the topic."""
    with (
        serving.listen(host, port, "views") as listening,
        use_topics_of_job(say) as (settings, topics, url),
        stopping_on_signals(NOT_COMMITTED) as stopping,
    ):
        taker = Taker(settings, topics.require)
        taking, job = TakingReport(taker), JobReport()

        def figures() -> Figures:
            taken, counted = taking.figures(), job.figures()
            return Figures({**taken.numbers, **counted.numbers}, counted.events)

        parts = [partial(open_views_system, settings, taker)]
        with (
            monitored_job(settings, taker) as listeners,
            serving.running(listening, parts, stopping, title=TITLE, about=ABOUT, token=settings.api_token),
            live_line(figures, stopping),
        ):
            count_views(settings, url, options, stopping, [job, *listeners])
    sum_up(job, taking)
