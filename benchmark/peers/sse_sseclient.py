"""sseclient-py: `SSEClient.events` of these chunks."""

import json
from collections.abc import Callable

from sseclient import Event, SSEClient

from benchmark.peers import sse


def parse(chunks: list[bytes], take: Callable[[Event], object]) -> None:
    """Take each event."""
    for event in SSEClient(chunks).events():
        take(event)


if __name__ == "__main__":
    sse.run(parse, lambda event: (event.event, event.data), lambda event: json.loads(event.data))
