"""The progress of runs as server-sent events."""

import asyncio
import re
from collections.abc import AsyncIterator

import msgspec
from anyio import to_thread
from fastapi.sse import format_sse_event
from starlette.exceptions import HTTPException

from metrics.harvest.web import answers
from metrics.harvest.web.running import Runner
from metrics.harvest.web.stored import Stored
from metrics.web import problems, sse
from metrics.web.sse import EventStream
from metrics.wording.errors import MetricsError

_LAST_EVENT_ID = re.compile(r"([0-9]{8}_[0-9]{6}(?:_[1-9][0-9]*)?)/[0-9]{1,18}")
LOOK_EVERY_S = 0.1
OUTCOME_S = 0.3  # for the outcome of a run once the server stops, before it cuts connections
MAX_LISTENERS = 100


class ProgressStreams:
    """Streams of the progress of a server's runs, for a limited number of clients.

    A stream ends with the outcome of a run. A client that reads slowly takes no memory: it misses progress.
    """

    def __init__(self, runner: Runner, stored: Stored) -> None:
        self._runner = runner
        self._stored = stored
        self._open = 0

    def stream(self, last_event_id: str | None) -> EventStream:
        """Return the progress of the run that runs, or of the next one, as a stream of events.

        The id of an event is the run and a number, `20231207_170121/17`; of its outcome, `20231207_170121/end`. A
        client that reconnects after the end of the run that it listened to gets its outcome at once. Any other id is
        ignored.

        Raises:
            HTTPException: 503, there are too many.
        """
        if self._open == MAX_LISTENERS:
            raise HTTPException(503, "too many clients are listening; try again later", {"Retry-After": "10"})
        self._open += 1
        known = _LAST_EVENT_ID.fullmatch(last_event_id or "")
        return EventStream(self._events(known[1] if known else ""), self._close)

    def _close(self) -> None:
        self._open -= 1

    async def _events(self, run: str) -> AsyncIterator[bytes]:
        """Yield events to the end of a run.

        Args:
            run: that the client has listened to, and whose outcome it lacks; empty if there is none.
        """
        clock = asyncio.get_running_loop().time
        begun, sent, sent_at_s = self._runner.newest.number, -1, clock()
        end_at_s = float("inf")
        yield sse.RETRY
        while True:
            newest = self._runner.newest
            if not run and newest.progress is not None and (newest.running is not None or newest.number > begun):
                run = newest.progress.run  # it may have ended before it was seen
            if run and (newest.running is None or newest.running.run != run):
                outcome = await self._outcome(run)
                if outcome is not None:
                    yield outcome
                    return
                run = ""
            if newest.running is not None and newest.number != sent:
                run, sent, sent_at_s = newest.running.run, newest.number, clock()
                data = msgspec.json.encode(answers.running(newest.seconds, newest.running)).decode()
                yield format_sse_event(event="progress", data_str=data, id=f"{run}/{sent}")
            elif clock() - sent_at_s >= sse.HEARTBEAT_S:
                sent_at_s = clock()
                yield format_sse_event(comment="nothing new")
            if self._runner.is_closing:
                end_at_s = min(end_at_s, clock() + OUTCOME_S)
                if newest.running is None or clock() >= end_at_s:
                    return
            await asyncio.sleep(LOOK_EVERY_S)

    async def _outcome(self, run: str) -> bytes | None:
        """Return the event of the outcome of a run; None if it has neither a report nor failed."""
        newest = self._runner.newest
        is_newest = newest.progress is not None and newest.progress.run == run
        outcome = newest.outcome if is_newest else await to_thread.run_sync(self._stored.find, run)
        if outcome is None:
            return None
        if isinstance(outcome, MetricsError):
            name, data = "failure", msgspec.json.encode(problems.of(503, problems.in_one_line(outcome)))
        else:
            name, data = "report", msgspec.json.encode(answers.finished(outcome))
        return format_sse_event(event=name, data_str=data.decode(), id=f"{run}/end")
