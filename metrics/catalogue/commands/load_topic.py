"""`catalogue load --collector kafka`: loads the records of a topic."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic

from metrics.catalogue.commands.database import use_catalogue
from metrics.catalogue.commands.topic_options import TopicOptions
from metrics.catalogue.kafka_job.processor import TopicProcessor
from metrics.catalogue.load.rejected import rejections
from metrics.catalogue.load.run import Outcome
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import use_broker
from metrics.kafka.job.restoring import restore
from metrics.kafka.job.runner import Runner
from metrics.kafka.job.sql_sink import answer_limit
from metrics.postgres.connect import connect
from metrics.terminal.progress import bar
from metrics.wording.errors import MetricsError
from metrics.wording.text import numbered, per_second

log = logging.getLogger(__name__)

NOT_COMMITTED = "; the next run loads what is not committed"
SHOWN_EVERY_S = 1.0
# 300,000 records take 89 MB of memory, of 12 partitions 96 to 101 MB, instead of 125 and 150 MB with the 64 MB of the
# default; it is as fast, and takes the same CPU time.
FETCHED_AHEAD = {"queued.max.messages.kbytes": 4_096}


def load_topic(options: TopicOptions, report: Callable[[str], None]) -> Outcome | None:
    """Load the records of a topic until Ctrl-C, or to its end; return the outcome, or None if it did not begin.

    Args:
        report: prints a line: what the load waits for, and what it has started.
    """
    with (
        use_catalogue(report) as (url, connection),
        use_broker(CatalogueSettings, report) as settings,
        stopping_on_signals(NOT_COMMITTED) as stopping,
    ):
        connection.close()  # it would be idle, perhaps for weeks
        answers = answer_limit(settings.database_timeout_s, stopping)
        processor = TopicProcessor(url, options.model, options.topic, options.zone, answers)
        runner = Runner(
            processor,
            settings,
            stopping,
            also_preferred=FETCHED_AHEAD,
            is_forced=options.take_over,
            database_timeout_s=settings.database_timeout_s,
        )
        with closing(runner):
            _run(processor, runner, options, report)
        if processor.load is None:
            return None
        with closing(connect(url, limit=answers)) as again:
            return Outcome(processor.load, rejections(again, processor.load.id))


def _run(processor: TopicProcessor, runner: Runner, options: TopicOptions, report: Callable[[str], None]) -> None:
    def restored() -> None:
        restore(processor, log.warning, until_end=options.until_end, accept_loss=options.accept_loss)

    try:
        if runner.start(report, restored, waits=not options.take_over):
            report(f"loading {options.model.name} from the topic {options.topic}; Ctrl-C stops")
            with _show_progress(processor, options):
                runner.run(report)
    except BaseException as error:
        runner.close()
        processor.give_up(error if isinstance(error, MetricsError) else None)
        raise


@contextmanager
def _show_progress(processor: TopicProcessor, options: TopicOptions) -> Iterator[None]:
    """Show committed records, the rate, and the lag for the duration of the context."""
    before, before_s, speed = 0, monotonic(), ""

    def label() -> str:
        nonlocal before, before_s, speed
        read, now_s = processor.load.read if processor.load else 0, monotonic()
        if now_s - before_s >= SHOWN_EVERY_S:
            speed = f"{per_second(read - before, 'record', now_s - before_s)}, "
            before, before_s = read, now_s
        return f"{options.model.name} from {options.topic}: {numbered(read, 'record')}, {speed}lag {processor.lag():,}"

    with bar(label, None) as move:
        processor.on_commit = lambda *_: move(0)
        yield
