"""The parser of harvest as a side: its frames, each validated as an event."""

from collections.abc import Callable

from benchmark.peers import sse
from metrics.harvest.core.event import Position
from metrics.harvest.core.frames import Frame, FrameParser
from metrics.harvest.core.reading import MalformedError, read_event

LIMIT_BYTES = 1 << 20
POSITION = Position("sytflix", 1, 1)
RECEIVED_US = 1_700_000_000_000_000


def parse(chunks: list[bytes], take: Callable[[Frame], object]) -> None:
    """Take each frame."""
    parser = FrameParser(LIMIT_BYTES)
    for chunk in chunks:
        for frame in parser.feed(chunk):
            take(frame)


if __name__ == "__main__":
    sse.run(
        parse,
        lambda frame: (frame.event.decode(), frame.data.decode()),
        lambda frame: read_event(frame, POSITION, RECEIVED_US),
        MalformedError,
    )
