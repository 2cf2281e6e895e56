"""launchdarkly-eventsource: the two readers of its client, without the client."""

import json
from collections.abc import Callable

from ld_eventsource.actions import Event
from ld_eventsource.reader import _BufferedLineReader, _SSEReader

from benchmark.peers import sse


def parse(chunks: list[bytes], take: Callable[[Event], object]) -> None:
    """Take each event, but no comment."""
    for action in _SSEReader(_BufferedLineReader.lines_from(chunks)).events_and_comments():
        if isinstance(action, Event):
            take(action)


if __name__ == "__main__":
    sse.run(parse, lambda event: (event.event, event.data), lambda event: json.loads(event.data))
