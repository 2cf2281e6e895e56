"""Faults of simulated streams, for tests: responses, ends of connections, and forms of the bytes."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct


class Answer(Struct, frozen=True):
    """A response other than the stream: an error, a redirect, a 204, or a 200 of another type.

    Attributes:
        status: also 200, with the headers and the body given here.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class NoAnswer(Struct, frozen=True):
    """A request that is accepted, but gets no response, not even headers."""


class Whole(Struct, frozen=True):
    """A connection without a fault, which ends with its client or the server."""


class Cut(Struct, frozen=True):
    """A connection that is aborted inside a frame, if possible inside a character of several bytes.

    Attributes:
        after: whole frames before that.
        resets: whether the client's next read fails; otherwise it sees an incomplete body end.
    """

    after: int
    resets: bool = False


class End(Struct, frozen=True):
    """A connection that ends properly, with a complete body.

    Attributes:
        after: frames before it.
    """

    after: int


class Quiet(Struct, frozen=True):
    """A connection that stays open without any bytes, or with heartbeats only.

    Attributes:
        after: frames before that; 0 for headers only.
    """

    after: int = 0


class Oversize(Struct, frozen=True):
    """A connection with one very long frame between others, without an id.

    Attributes:
        after: frames before it.
        size_bytes: of its data, sent as one line.
    """

    after: int
    size_bytes: int


Connected = Whole | Cut | End | Quiet | Oversize
Step = Answer | NoAnswer | Connected


class Faults(NamedTuple):
    """Faults of one stream.

    Attributes:
        script: a step for the first request, the second one, …; later requests get the stream. `repeat(step)` of
            itertools is an endless script.
        resumes: whether Last-Event-ID is honoured.
        line_end: of every line; "mixed" draws one of the three for each line.
        ids: of frames: their own, none, ones with `/` in them, or ones with a NUL, which the protocol ignores.
        repeat_every: each n-th frame is sent twice; 0 for none.
        comments: whether comments come before, inside and after each frame.
        heartbeat_s: seconds between comments on a quiet connection; None for none.
        bom: whether each connection begins with a byte order mark.
        retry_ms: sent at the beginning of each connection.
        byte_s: seconds between bytes, each sent alone; None sends whole frames.
        gzip: whether the body is compressed, requested or not.
        gap_s: shortest and longest seconds between messages, in place of those of all streams.
    """

    script: Iterable[Step] = ()
    resumes: bool = True
    line_end: Literal["\n", "\r", "\r\n", "mixed"] = "\n"
    ids: Literal["own", "none", "slash", "nul"] = "own"
    repeat_every: int = 0
    comments: bool = False
    heartbeat_s: float | None = None
    bom: bool = False
    retry_ms: int | None = None
    byte_s: float | None = None
    gzip: bool = False
    gap_s: tuple[float, float] | None = None
