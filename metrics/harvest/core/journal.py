"""The journal of a run: its entries in the order in which they were decided, as JSON lines.

A run writes this and the raw bytes of its connections; everything else is made from them. The line of a frame is
written before the last bytes of the frame. So a frame that is complete in its raw file has a line, even if the process
was killed; a frame with incomplete bytes was not taken, whatever the journal says.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

StoppedBy = Literal["time", "name", "signal", "no-stream"]

# Bounds that decoding checks. The last time is the end of the year 9999 less a day, for zones ahead of UTC.
Microseconds = Annotated[int, Meta(ge=0, le=253_402_214_400_000_000)]
Number = Annotated[int, Meta(ge=1, le=1 << 53)]


class Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """A line of the journal. Times are in microseconds since the epoch, and never run backwards within a run."""

    at_us: Microseconds


class Started(Entry, frozen=True, kw_only=True, tag="started"):
    """The first line: the run, and the rule that stops it.

    Attributes:
        at_us: just before the first request.
    """

    run: str
    seconds: Annotated[float, Meta(gt=0, le=86_400)]
    name: str
    times: Number
    frame_limit_bytes: Number


class Opened(Entry, frozen=True, kw_only=True, tag="opened"):
    """A connection of a stream that was opened by a response.

    Attributes:
        connection: its number in the stream, from 1.
        requested_us: time at which the request was sent.
    """

    stream: str
    connection: Number
    requested_us: Microseconds


class Taken(Entry, frozen=True, kw_only=True, tag="taken"):
    """The next frame of a connection, taken: counted as an event, repeated or malformed."""

    stream: str
    connection: Number


class Closed(Entry, frozen=True, kw_only=True, tag="closed"):
    """The end of a connection before the end of the run.

    Attributes:
        why: the predicate of a sentence about the stream.
    """

    stream: str
    connection: Number
    why: str


class Failed(Entry, frozen=True, kw_only=True, tag="failed"):
    """A request that did not open a stream.

    Attributes:
        why: the predicate of a sentence about the stream.
        is_final: whether the stream is never requested again.
        status: of the HTTP response; None without one.
    """

    stream: str
    why: str
    is_final: bool
    status: int | None = None


class Stopped(Entry, frozen=True, kw_only=True, tag="stopped"):
    """The last line: the stop of the run. Without it, the process was killed."""

    by: StoppedBy


AnyEntry = Started | Opened | Taken | Closed | Failed | Stopped
