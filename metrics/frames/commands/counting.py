"""One process of the main job, from its settings to its summary."""

import dataclasses
import logging
from contextlib import closing, contextmanager
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from metrics.cli.reporting import stopping_on_signals
from metrics.cli.use_broker import require_plain_text, settings_for_broker
from metrics.frames.job.processor import FrameProcessor
from metrics.frames.job.report import Report
from metrics.frames.settings import Settings
from metrics.kafka.job.restoring import restore
from metrics.kafka.job.runner import RequireBroker, Runner
from metrics.terminal.console import say
from metrics.wording.errors import FencedError, ReplacedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metrics.frames.monitoring.exposed import Exposed

log = logging.getLogger(__name__)

NOT_COMMITTED = "; the next run counts the uncommitted frames"


class JobOptions(NamedTuple):
    """Options of the main job on the command line."""

    is_verbose: bool
    until_end: bool
    take_over: bool
    standby: bool
    accept_loss: bool


def count(options: JobOptions) -> None:
    """Run the main job on the broker that is set, or on a local one that is fed."""
    settings = settings_for_broker(Settings)
    if settings.bootstrap_servers is not None:
        _run(settings, options)
        return
    require_plain_text(settings)
    # A job that is given a broker does not wait for these imports.
    from metrics.frames.commands.local_input import fed_local_broker  # noqa: PLC0415

    with fed_local_broker(settings) as (settings, require_broker):
        _run(settings, options, require_broker)


def _run(settings: Settings, options: JobOptions, require_broker: RequireBroker = lambda: None) -> None:
    """Run the main job, as a standby first if need be, and again whenever it was fenced and may be a standby."""
    with stopping_on_signals(NOT_COMMITTED) as stopping, _exposing(settings) as exposed:
        processor = FrameProcessor(settings, stopping)
        with closing(Runner(processor, settings, stopping, require_broker, is_forced=options.take_over)) as runner:
            job = _Job(settings, options, stopping, exposed, processor, runner)
            is_fenced = job.run_until_fenced(waits=not options.take_over)
            while is_fenced:
                is_fenced = job.run_until_fenced(waits=True)


@contextmanager
def _exposing(settings: Settings) -> "Iterator[Exposed | None]":
    """Serve metrics if METRICS_PORT is set, also while a standby; yields the object that they are read from."""
    if settings.metrics_port is None:
        yield None
        return
    # Importing it takes a tenth of the startup time.
    from metrics.frames.monitoring.serving import exposed_over_http  # noqa: PLC0415
    from metrics.monitoring.server import metrics_url  # noqa: PLC0415

    with exposed_over_http(settings) as exposed:
        say(f"metrics at {metrics_url(settings)}")
        yield exposed


@dataclasses.dataclass(eq=False, repr=False)
class _Job:
    """The main job of one process; `exposed` is None if it serves no metrics."""

    settings: Settings
    options: JobOptions
    stopping: Event
    exposed: "Exposed | None"
    processor: FrameProcessor
    runner: Runner

    def run_until_fenced(self, *, waits: bool) -> bool:
        """Take over, at once or as a standby, and count; returns whether another instance has taken over.

        Raises:
            ReplacedError: another instance has taken over, and this one must not become its standby.
        """
        try:
            if self.runner.start(self._log_waiting, self._restore, waits=waits):
                self._count()
            else:
                say("stopped before counting began")
        except FencedError as error:
            if isinstance(error, ReplacedError) and not self.options.standby:
                raise
            log.warning(error.what)
            self._expose_waiting(error.what)
            return True
        return False

    def _log_waiting(self, line: str) -> None:
        log.info(line)
        self._expose_waiting(line)

    def _expose_waiting(self, line: str) -> None:
        if self.exposed:
            self.exposed.set_not_ready(line)

    def _restore(self) -> None:
        options = self.options
        restore(self.processor, log.warning, until_end=options.until_end, accept_loss=options.accept_loss)

    def _count(self) -> None:
        """Count until stopped, and print the progress and a summary."""
        settings, processor = self.settings, self.processor
        say(f"counting {settings.input_topic} on {settings.bootstrap_servers}; Ctrl-C stops")
        is_verbose, print_interval = self.options.is_verbose, settings.print_interval
        with Report(processor, self.stopping, is_verbose=is_verbose, print_interval=print_interval) as report:
            if self.exposed:
                self.exposed.begin(processor)
            processor.listen([self.exposed, report] if self.exposed else [report])
            self.runner.run(processor.warn)
        report.sum_up()
