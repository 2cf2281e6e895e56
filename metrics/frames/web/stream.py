"""New records as server-sent events, as they are committed."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import partial

from fastapi.sse import format_sse_event

from metrics.frames.live.subscription import Subscription
from metrics.frames.live.view import LiveView
from metrics.frames.results.formats import json_line
from metrics.frames.results.read import Result
from metrics.web import sse
from metrics.web.sse import EventStream

LAST_EVENT_ID = r"^\d{1,9}=-?\d{1,12}(,\d{1,9}=-?\d{1,12})*$"
WAIT_S = 0.5


def of(live: LiveView, last_event_id: str | None) -> EventStream:
    """Return the records from now on, or from where a client left off, until it disconnects or is too slow.

    The id of an event is the start of the last window of each size, `1=1468244384,60=1468244340`: the point to resume
    from.

    A client that does not read takes no memory: waiting records are bounded by its `Subscription`, and those in
    transit by the server, which sends at most 64 KB ahead.

    Raises:
        TooManyListenersError: there are too many listeners.
    """
    subscription = live.listen(_known(last_event_id) if last_event_id else {})
    return EventStream(_events(subscription), partial(live.forget, subscription))


def _known(event_id: str) -> dict[int, int]:
    pairs = (part.split("=") for part in event_id.split(","))
    return {int(size_s): int(start) for size_s, start in pairs}


async def _events(subscription: Subscription) -> AsyncIterator[bytes]:
    while not (subscription.at or subscription.has_ended):
        yield format_sse_event(comment="the results have not been read yet")
        await asyncio.sleep(WAIT_S)
    yield sse.RETRY
    while not (subscription.has_overflowed or subscription.has_ended):
        results = await subscription.take(sse.HEARTBEAT_S)
        for result in results:
            subscription.at[result.window.size.size_s] = result.window.start
            yield _event(result, subscription.at)
        if not results:
            yield format_sse_event(comment="nothing new")
    if subscription.has_overflowed:
        yield format_sse_event(event="overflow", data_str="client too slow: reconnect with Last-Event-ID")


def _event(result: Result, at: Mapping[int, int]) -> bytes:
    event_id = ",".join(f"{size_s}={start}" for size_s, start in at.items())
    return format_sse_event(data_str=json_line(result), event=result.window.size.name, id=event_id)
