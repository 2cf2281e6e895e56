"""The job from its start to its end: takes over, counts, and is a standby when another instance has taken over."""

import logging
from collections.abc import Sequence
from contextlib import closing
from threading import Event
from time import monotonic
from typing import NamedTuple

from metrics.kafka.job.restoring import restore
from metrics.kafka.job.runner import Runner
from metrics.kafka.job.sql_sink import answer_limit
from metrics.postgres.connect import OVERDUE_S
from metrics.views.job.invalid import InvalidRecords
from metrics.views.job.listener import JobFigures, Listener
from metrics.views.job.processor import ViewProcessor
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import (
    DatabaseError,
    FencedError,
    NoAnswerError,
    ReplacedError,
    UnavailableError,
    UnsuitableError,
)
from metrics.wording.text import numbered

log = logging.getLogger(__name__)

FETCHED_AHEAD = {"queued.max.messages.kbytes": 16_384}


class JobOptions(NamedTuple):
    """Options of the job on the command line."""

    until_end: bool = False
    take_over: bool = False
    standby: bool = False
    accept_loss: bool = False


def count(
    settings: ViewsSettings, url: str, options: JobOptions, stopping: Event, listeners: Sequence[Listener] = ()
) -> JobFigures:
    """Count view events until `stopping` is set, or to the end of the topic; return the figures of the last commit.

    Args:
        url: of the database.

    Raises:
        StateError: the tables count another topic, or records that were not counted are gone.
        TopicError: the topic is missing.
        FencedError: another instance has taken over, and this one must not become its standby.
        BrokerError: the broker was away for BROKER_TIMEOUT_S.
        DatabaseError: the database was away for DATABASE_TIMEOUT_S, or has other tables.
    """
    limit_s = settings.database_timeout_s
    processor = ViewProcessor(url, settings, answer_limit(limit_s, stopping))
    runner = Runner(
        processor,
        settings,
        stopping,
        also_preferred=FETCHED_AHEAD,
        is_forced=options.take_over,
        database_timeout_s=limit_s,
    )
    job = _Job(options, listeners, processor, runner)
    with closing(runner):
        try:
            is_fenced = job.run_until_fenced(waits=not options.take_over)
            while is_fenced:
                is_fenced = job.run_until_fenced(waits=True)
        except UnsuitableError:
            raise
        except DatabaseError as error:
            if stopping.is_set():
                raise
            raise _given_up(error, limit_s, processor.uncounted()) from error
    return job.figures


def _given_up(error: DatabaseError, limit_s: float, uncounted: int | None) -> DatabaseError:
    """Return the error of an outage that lasted for too long: nothing is lost by it."""
    is_away = isinstance(error, NoAnswerError)
    what = f"the database gave no answer for {limit_s:.0f} s" if is_away else error.what
    held = "the events" if uncounted is None else numbered(uncounted, "event")
    verb = "is" if uncounted == 1 else "are"
    hint = f"nothing is lost, the topic holds {held} that {verb} not counted yet"
    return type(error)(
        what, why=error.why, hint=f"{'start it' if is_away else (error.hint or 'correct it').removesuffix('.')}; {hint}"
    )


class _Job:
    """The job of one process.

    Attributes:
        figures: after the last commit.
    """

    def __init__(
        self, options: JobOptions, listeners: Sequence[Listener], processor: ViewProcessor, runner: Runner
    ) -> None:
        self.figures = processor.figures
        self._options = options
        self._listeners = listeners
        self._processor = processor
        self._runner = runner
        self._invalid = InvalidRecords(processor.topic)
        self._is_overdue = False
        processor.on_commit = self._committed
        processor.on_outage = self._lost
        processor.on_overdue = self._overdue

    def run_until_fenced(self, *, waits: bool) -> bool:
        """Take over, at once or as a standby, and count; returns whether another instance has taken over.

        Raises:
            ReplacedError: another instance has taken over, and this one must not become its standby.
        """
        try:
            if self._runner.start(self._waiting, self._restore, waits=waits):
                self.figures = self._processor.figures
                for listener in self._listeners:
                    listener.begun(self.figures)
                self._runner.run(self._warned)
        except FencedError as error:
            if isinstance(error, ReplacedError) and not self._options.standby:
                raise
            self._waiting(error.what)
            return True
        return False

    def _restore(self) -> None:
        options = self._options
        restore(self._processor, self._warned, until_end=options.until_end, accept_loss=options.accept_loss)

    def _committed(self, events: int, took_s: float) -> None:
        self._is_overdue = False
        self.figures = self._processor.figures
        for listener in self._listeners:
            listener.committed(self.figures, events, took_s)
        for line in self._invalid.lines(self._processor.invalid, monotonic()):
            self._warned(line)

    def _overdue(self) -> None:
        """Report an outage while it lasts: the answer may still come, or the transaction will be lost."""
        if not self._is_overdue:
            error = NoAnswerError(f"the database has not answered for {OVERDUE_S:.0f} s")
            self._warned(error.what)
            self._lost(error)
            self._is_overdue = True

    def _lost(self, error: UnavailableError) -> None:
        if self._is_overdue and isinstance(error, DatabaseError):
            return  # it was reported when it began
        for listener in self._listeners:
            listener.outage(error)

    def _waiting(self, line: str) -> None:
        log.info(line)
        for listener in self._listeners:
            listener.waiting(line)

    def _warned(self, line: str) -> None:
        log.warning(line)
        for listener in self._listeners:
            listener.warned(line)
