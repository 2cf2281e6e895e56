"""Harvests run by the server: one at a time, in a thread, with its progress for any number of listeners."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Lock
from typing import NamedTuple

from metrics.harvest.archive.finish import StoppedError, finish_all, unfinished
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.core.run_report import RunFigures
from metrics.harvest.listening.progress import Progress
from metrics.harvest.listening.run import Rule, run_harvest
from metrics.harvest.settings import HarvestSettings
from metrics.harvest.use_streams import use_streams
from metrics.harvest.web.parameters import StartBody
from metrics.web.problems import in_one_line
from metrics.wording.errors import AlreadyRunningError, MetricsError

log = logging.getLogger(__name__)


class Snapshot(NamedTuple):
    """The newest run of this process, as of some moment.

    Attributes:
        number: grows with every change.
        seconds: after which its rule stops it.
        progress: None before the first run.
        outcome: None while it runs; then its report, or the error that prevented one.
    """

    number: int
    seconds: float
    progress: Progress | None
    outcome: RunFigures | MetricsError | None

    @property
    def running(self) -> Progress | None:
        """The progress of a run that has not ended."""
        return self.progress if self.outcome is None else None

    @property
    def failure(self) -> MetricsError | None:
        """The error that left an ended run without a report."""
        return self.outcome if isinstance(self.outcome, MetricsError) else None


class Runner:
    """The harvests of this process. One thread runs them, after finishing the runs of a killed process.

    Args:
        settings: without STREAM_ENDPOINT, each run starts local streams.

    Attributes:
        newest: replaced with every change, so it can be read in any thread.
        is_closing: whether no other run will start.
    """

    def __init__(self, settings: HarvestSettings) -> None:
        self.folders = Folders.of(settings.harvest_dir)
        self.newest = Snapshot(0, 0, None, None)
        self.is_closing = False
        self._settings = settings
        self._lock = Lock()
        self._stopping: Event | None = None  # of the run that starts, runs or is being finished
        self._thread = ThreadPoolExecutor(1, "harvest")

    @property
    def endpoint(self) -> str | None:
        """The address of the streams; None if each run starts local ones."""
        return self._settings.stream_endpoint

    def begin(self) -> None:
        """Finish the runs of a process that was killed, unless another process harvests into the same folders."""
        self._thread.submit(self._finish)

    def rule(self, wanted: StartBody) -> Rule:
        """Return the rule that stops a run; members that a request left out are as set."""
        settings = self._settings
        return Rule(
            settings.harvest_seconds if wanted.seconds is None else wanted.seconds,
            settings.harvest_name if wanted.name is None else wanted.name,
            settings.harvest_times if wanted.times is None else wanted.times,
        )

    async def start(self, rule: Rule) -> str:
        """Start a run, and return its name as soon as its first request is sent.

        Raises:
            AlreadyRunningError: a run has not ended, of this process or another one.
            MetricsError: it cannot be started.
        """
        stopping = Event()
        with self._lock:
            if self.is_closing:
                raise AlreadyRunningError("the server is stopping")
            if self._stopping is not None:
                raise AlreadyRunningError("a harvest is running", hint="wait until it has stopped, or stop it")
            self._stopping = stopping
        named: Future[str] = Future()
        self._thread.submit(self._run, rule, stopping, named)
        return await asyncio.shield(asyncio.wrap_future(named))

    def stop(self) -> None:
        """Stop the run, if there is one; all that it received is reported."""
        with self._lock:
            if self._stopping is not None:
                self._stopping.set()

    def close(self) -> None:
        """Stop the run, and start no other; `join` waits for its report."""
        self.is_closing = True
        self.stop()

    def join(self) -> None:
        """Wait until the last run is reported."""
        self._thread.shutdown()

    def _run(self, rule: Rule, stopping: Event, named: Future[str]) -> None:
        def listen(progress: Progress) -> None:
            self._change(rule, progress, None)
            if not named.done():
                named.set_result(progress.run)

        try:
            outcome = self._outcome(rule, stopping, listen)
        finally:
            with self._lock:
                self._stopping = None
        if named.done():
            self._change(rule, self.newest.progress, outcome)
        elif isinstance(outcome, MetricsError):
            named.set_exception(outcome)
        else:
            named.set_result(outcome.run)

    def _outcome(self, rule: Rule, stopping: Event, listen: Callable[[Progress], None]) -> RunFigures | MetricsError:
        """Run a harvest; return its report, or the error that prevented one."""
        try:
            with use_streams(self._settings, log.info) as settings:
                return run_harvest(settings, rule, stopping, listen)
        except MetricsError as error:
            log.error(in_one_line(error))  # noqa: TRY400  # its user can fix it, so no traceback
            return error
        except Exception as error:
            log.exception("a harvest failed")
            return MetricsError("an error in the program; see the log of `serve`", why=type(error).__name__)

    def _change(self, rule: Rule, progress: Progress | None, outcome: RunFigures | MetricsError | None) -> None:
        self.newest = Snapshot(self.newest.number + 1, rule.seconds, progress, outcome)

    def _finish(self) -> None:
        try:
            if unfinished(self.folders):
                with suppress(AlreadyRunningError, StoppedError), lock_folder(self.folders) as folders:
                    finish_all(folders, log.warning, lambda: self.is_closing)
        except MetricsError as error:
            log.error(in_one_line(error))  # noqa: TRY400  # its user can fix it, so no traceback
