"""Server-sent events (HTML standard, section 9.2)."""

from collections.abc import AsyncIterator, Callable

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY = format_sse_event(retry=1_000)  # asks a browser to reconnect after a second
HEARTBEAT_S = 10.0


class EventStream(StreamingResponse):
    """A stream of events, until the client disconnects.

    Args:
        events: encoded by `format_sse_event`; at least one event or comment every HEARTBEAT_S seconds.
        close: called at the end, whatever ended it.
    """

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], None]) -> None:
        super().__init__(events, headers=HEADERS, media_type=MEDIA_TYPE)
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._close()
