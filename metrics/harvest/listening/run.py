"""A run of harvest, from its preparation to its report."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from threading import Event
from typing import NamedTuple

from metrics.harvest.archive.finish import finish, finish_all
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.core.journal import Started
from metrics.harvest.core.run_report import RunFigures
from metrics.harvest.listening.clients import open_clients
from metrics.harvest.listening.clock import Clock
from metrics.harvest.listening.decider import Decider
from metrics.harvest.listening.inbox import Inbox
from metrics.harvest.listening.lookups import LookupLoop
from metrics.harvest.listening.progress import Listener, Notified, notifying
from metrics.harvest.listening.stream import Stream
from metrics.harvest.listening.watch import Watch
from metrics.harvest.settings import HarvestSettings

log = logging.getLogger(__name__)


class Rule(NamedTuple):
    """The rule that stops a run: after some seconds, or after `times` events of users whose first name is `name`."""

    seconds: float
    name: str
    times: int


def run_harvest(settings: HarvestSettings, rule: Rule, stopping: Event, listener: Listener) -> RunFigures:
    """Harvest the streams once, into the folders of HARVEST_DIR, after finishing runs that were killed.

    It may be called from any thread, and takes no signals.

    Args:
        settings: with STREAM_ENDPOINT and STREAM_PASSWORD.
        stopping: stops the run within 50 ms; all that was received until then is reported.
        listener: called with the progress, in a thread of its own.

    Raises:
        AlreadyRunningError: another process harvests into the same folders.
        FileError: a file cannot be written.
        SettingsError: the HTTP settings cannot be used.
        StoppedError: it was stopped while it finished earlier runs.
    """
    with lock_folder(Folders.of(settings.harvest_dir)) as folders:
        finish_all(folders, log.warning, stopping.is_set)
        with notifying(listener) as notified:
            with asyncio.Runner(loop_factory=LookupLoop) as runner:
                run = runner.run(_listen(settings, rule, folders, stopping, notified))
            notified.report(0, 1)
            return finish(folders, run, notified.report)


async def _listen(settings: HarvestSettings, rule: Rule, folders: Folders, stopping: Event, notified: Notified) -> str:
    """Listen to the streams until the rule stops the run, and close them; return its name."""
    endpoint, password = settings.stream_endpoint, settings.stream_password
    assert endpoint is not None and password is not None  # noqa: PT018  # use_streams sets both
    proxies = settings.uses_proxies
    async with open_clients(endpoint, settings.stream_user, password, uses_proxies=proxies) as accesses:
        run = folders.new_run(time.time_ns() // 1000)
        folder, limit_bytes = folders.raw_run(run), settings.harvest_frame_limit
        with JournalWriter(folder) as journal:
            clock, inbox = Clock(), Inbox()
            started = Started(at_us=clock.now_us(), run=run, frame_limit_bytes=limit_bytes, **rule._asdict())
            decider = Decider(started, folder, journal)
            watch = Watch(decider, inbox, clock, stopping, notified, settings.harvest_silent_s)
            streams = [
                Stream(decider.recordings[stream], access, inbox, clock, settings.harvest_connect_s)
                for stream, access in accesses.items()
            ]
            try:
                async with _beside(watch.run(), *(stream.listen() for stream in streams)):
                    await decider.run(inbox.items())
            finally:
                decider.close()
                watch.look()
    return run


@asynccontextmanager
async def _beside(*coroutines: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run coroutines beside the body, and cancel them at its end. The first error ends all, and is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
            yield
            for task in tasks:
                task.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
