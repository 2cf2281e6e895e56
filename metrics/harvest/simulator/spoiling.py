"""Malformed messages, made from valid ones."""

import re
from collections.abc import Callable
from typing import NamedTuple

Draw = Callable[[], float]  # the next number of a sequence, 0 <= number < 1


class Drawn(NamedTuple):
    """A drawn message: the content of one frame.

    Attributes:
        id: of the frame.
        event: None for a frame without one.
        data: the JSON.
        fault: its one fault; None if it is a valid event.
    """

    id: bytes
    event: bytes | None
    data: bytes
    fault: str | None = None


def spoil(message: Drawn, draw: Draw) -> Drawn:
    """Return a valid message made malformed in one way, named by its `fault`."""
    fault = _DRAWN[int(draw() * len(_DRAWN))]
    return _SPOILED[fault](message, draw)._replace(fault=fault)


def _cut(message: Drawn, draw: Draw) -> Drawn:
    """Return a message with its JSON cut, after a whole character."""
    part = message.data[: int((0.1 + 0.85 * draw()) * len(message.data))]
    return message._replace(data=part.decode(errors="ignore").encode())


def _substituted(pattern: bytes, substitute: bytes) -> Callable[[Drawn, Draw], Drawn]:
    found = re.compile(pattern)

    def substituted(message: Drawn, _: Draw) -> Drawn:
        data, times = found.subn(substitute, message.data, count=1)
        assert times, pattern
        return message._replace(data=data)

    return substituted


_SPOILED: dict[str, Callable[[Drawn, Draw], Drawn]] = {
    "json": _cut,
    "encoding": _substituted(rb'"title":"', b'"title":"\xc3('),
    "object": lambda message, _: message._replace(data=b"null"),
    "event": lambda message, _: message._replace(event=None),
    "user-id": _substituted(rb'"user":{"id":\d+', b'"user":{"id":null'),
    "first-name": _substituted(rb'"first_name":"[^"]*"', b'"first_name":null'),
    "show-id": _substituted(rb'{"show_id":"s\d+"', b'{"show_id":null'),
    "event-date": _substituted(rb'"event_date":"\d\d-\d\d', b'"event_date":"31-02'),
}
FAULTS = (*_SPOILED,)
"""The faults that a message may have."""

_DRAWN = ("json",) * 3 + FAULTS  # the original streams mostly cut their JSON
