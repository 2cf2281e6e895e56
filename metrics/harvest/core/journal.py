"""The journal of a run: what happened, in the one order in which it was decided, as JSON lines.

With the raw bytes of its connections it is all that a run leaves behind: everything else is made from them. The line of
a frame is written before the last bytes of the frame, so a frame that is complete in its raw file has a line, also if
the process was killed; a frame whose bytes are incomplete was not taken, whatever the journal says.
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
    """The first line: the run, and its rule to stop.

    Attributes:
        at_us: just before the first request.
    """

    run: str
    seconds: Annotated[float, Meta(gt=0, le=86_400)]
    name: str
    times: Number
    frame_limit_bytes: Number


class Opened(Entry, frozen=True, kw_only=True, tag="opened"):
    """A stream answered, and connection number `connection` of it began.

    Attributes:
        requested_us: when the request was sent.
    """

    stream: str
    connection: Number
    requested_us: Microseconds


class Taken(Entry, frozen=True, kw_only=True, tag="taken"):
    """The next frame of a connection was dispatched, valid or not."""

    stream: str
    connection: Number


class Closed(Entry, frozen=True, kw_only=True, tag="closed"):
    """A connection ended before the run did.

    Attributes:
        why: in words.
    """

    stream: str
    connection: Number
    why: str


class Failed(Entry, frozen=True, kw_only=True, tag="failed"):
    """A request did not open a stream.

    Attributes:
        why: in words.
        is_final: whether it is never tried again.
        status: of the HTTP response; None without one.
    """

    stream: str
    why: str
    is_final: bool
    status: int | None = None


class Stopped(Entry, frozen=True, kw_only=True, tag="stopped"):
    """The last line: the run stopped. Without it, its process was killed."""

    by: StoppedBy


AnyEntry = Started | Opened | Taken | Closed | Failed | Stopped
