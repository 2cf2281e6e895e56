"""`catalogue load --collector kafka`: loads the records of a topic."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import tzinfo
from functools import partial
from time import monotonic
from typing import NamedTuple

import msgspec

from metrics.catalogue.commands.in_use import catalogue_in_use
from metrics.catalogue.core.models import Model
from metrics.catalogue.kafka_job.processor import TopicProcessor
from metrics.catalogue.kafka_job.sink import COLLECTOR
from metrics.catalogue.load.rejected import rejections
from metrics.catalogue.load.run import Outcome
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli.broker_in_use import broker_in_use
from metrics.cli.reporting import stopping_on_signals
from metrics.errors import MetricsError, SettingsError
from metrics.kafka.job.runner import Runner
from metrics.kafka.settings import TopicName
from metrics.postgres.connect import connect
from metrics.terminal.progress import bar
from metrics.text import numbered, per_second

log = logging.getLogger(__name__)

SCHEME = "kafka://"
NOT_COMMITTED = "; the next run loads what is not committed"
SHOWN_EVERY_S = 1.0


class TopicOptions(NamedTuple):
    """How a topic is loaded.

    Attributes:
        zone: of times without an offset; None: these are rejected.
    """

    model: Model
    topic: str
    zone: tzinfo | None
    until_end: bool
    take_over: bool
    accept_loss: bool


def topic_of(config: str | None, collector: str | None) -> str | None:
    """Return the topic that a configuration names; None if it is something else.

    Raises:
        SettingsError: it is for another collector, or no name of a topic.
    """
    is_url = config is not None and config.lower().startswith(SCHEME)
    if collector != COLLECTOR and not is_url:
        return None
    if collector not in (None, COLLECTOR):
        raise SettingsError(f"the collector {collector} does not read {SCHEME}", hint=f"use --collector {COLLECTOR}")
    topic = (config or "")[len(SCHEME) :] if is_url else config or ""
    try:
        return msgspec.convert(topic, TopicName)
    except msgspec.ValidationError:
        raise SettingsError(
            f"{topic!r} is not the name of a topic",
            why="a name has 1 to 249 letters, digits, '.', '_' or '-'",
            hint=f"--config {SCHEME}TOPIC; BOOTSTRAP_SERVERS names the broker",
        ) from None


def load_topic(options: TopicOptions, report: Callable[[str], None]) -> Outcome | None:
    """Load the records of a topic until Ctrl-C, or to its end; return their outcome, or None if it did not begin.

    Args:
        report: called with a line about each thing that is waited for, and what the program has started.
    """
    with (
        catalogue_in_use(report) as (url, connection),
        broker_in_use(CatalogueSettings, report) as settings,
        stopping_on_signals(NOT_COMMITTED) as stopping,
    ):
        connection.close()  # it would be idle, perhaps for weeks
        processor = TopicProcessor(url, options.model, options.topic, options.zone, stopping)
        with closing(Runner(processor, settings, stopping, is_forced=options.take_over)) as runner:
            _run(processor, runner, options, report)
        if processor.load is None:
            return None
        with closing(connect(url)) as again:
            return Outcome(processor.load, rejections(again, processor.load.id))


def _run(processor: TopicProcessor, runner: Runner, options: TopicOptions, report: Callable[[str], None]) -> None:
    def restore() -> None:
        if options.until_end:
            processor.end_here()
        if not options.accept_loss:
            processor.restore()
            return
        for loss in processor.restore_accepting_loss():
            log.warning("accepted: %s", loss)

    try:
        if runner.start(report, restore, waits=not options.take_over):
            report(f"loading {options.model.name} from the topic {options.topic}; Ctrl-C stops")
            with _shown(processor, options):
                runner.run(report)
    except BaseException as error:
        runner.close()
        processor.give_up(error if isinstance(error, MetricsError) else None)
        raise


@contextmanager
def _shown(processor: TopicProcessor, options: TopicOptions) -> Iterator[None]:
    """Show what is committed, the rate, and the lag, while the context lasts."""
    before, before_s, speed = 0, monotonic(), ""

    def label() -> str:
        nonlocal before, before_s, speed
        read, now_s = processor.load.read if processor.load else 0, monotonic()
        if now_s - before_s >= SHOWN_EVERY_S:
            speed = f"{per_second(read - before, 'record', now_s - before_s)}, "
            before, before_s = read, now_s
        return f"{options.model.name} from {options.topic}: {numbered(read, 'record')}, {speed}lag {processor.lag():,}"

    with bar(label, None) as move:
        processor.on_commit = partial(move, 0)
        yield
