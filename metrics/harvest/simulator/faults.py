"""Faults of simulated streams, for tests: what a stream answers, how its connections end, and the form of its bytes."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from msgspec import Struct


class Answer(Struct, frozen=True):
    """A response other than the stream: an error, a redirect, a 204, or a 200 of another type.

    Attributes:
        status: 200 is answered with the headers and the body given here, too.
    """

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class NoAnswer(Struct, frozen=True):
    """A request that is accepted, and gets not even headers."""


class Whole(Struct, frozen=True):
    """A connection without a fault, which ends when its client or the server does."""


class Cut(Struct, frozen=True):
    """A connection that is aborted inside a frame, in the middle of a character if it has one of several bytes.

    Attributes:
        after: whole frames before it.
        resets: whether the client's next read fails; else it sees the end of a body that is not complete.
    """

    after: int
    resets: bool = False


class End(Struct, frozen=True):
    """A connection that ends as HTTP ends one.

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
        size_bytes: of its data, which comes in one line; it ends after them.
    """

    after: int
    size_bytes: int


Connected = Whole | Cut | End | Quiet | Oversize
Step = Answer | NoAnswer | Connected


class Faults(NamedTuple):
    """Faults of one stream.

    Attributes:
        script: what happens to the first request, the second one, …; those after the last step get the stream.
            `repeat(step)` of itertools is a script without an end.
        resumes: whether Last-Event-ID is heeded.
        line_end: of every line; "mixed" draws one of the three for each line.
        ids: of frames: their own, none, ones with `/` in them, or ones with a NUL, which the protocol ignores.
        repeat_every: each frame with such a number is sent twice, from 1; 0 for none.
        comments: whether comments come before, inside and after each frame.
        heartbeat_s: seconds between comments on a quiet connection; None for none.
        bom: whether each connection begins with a byte order mark.
        retry_ms: sent at the beginning of each connection.
        byte_s: seconds between bytes, each sent alone; None sends whole frames.
        gzip: whether the body is compressed, asked for or not.
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
