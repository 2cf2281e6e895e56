"""httpx-sse: `EventSource.iter_sse` of a response whose body comes in these chunks."""

import json
from collections.abc import Callable

import httpx
from httpx_sse import EventSource, ServerSentEvent

from benchmark.peers import sse


def parse(chunks: list[bytes], take: Callable[[ServerSentEvent], object]) -> None:
    """Take each event."""
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))
    for event in EventSource(response).iter_sse():
        take(event)


if __name__ == "__main__":
    sse.run(parse, lambda event: (event.event, event.data), ServerSentEvent.json, json.JSONDecodeError)
