"""A valid event of a stream, as a row of the processed file, with its position."""

from typing import NamedTuple

import msgspec

PLATFORMS = {"sytflix": "Sytflix", "sytazon": "Sytazon", "sysney": "Sysney"}
"""The platform of each stream, in the order of reports."""

STREAMS = (*PLATFORMS,)


class Position(NamedTuple):
    """Position of a frame: connections are numbered by stream, frames by connection, both from 1."""

    stream: str
    connection: int
    frame: int

    def __str__(self) -> str:
        return f"{self.stream}-{self.connection}:{self.frame}"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A valid event. Its fields up to `last_name` are the first 24 columns of the processed file, as text.

    Null, missing and empty values are empty texts; a value that is neither a text nor a number is its JSON.

    Attributes:
        id: of its own frame; empty without one.
        event_date: as received, in the local time of the user.
        platform: as the event names it, else that of its stream.
        instant_ms: `event_date` in milliseconds since the epoch.
        received_us: time of receipt of its frame, in microseconds since the epoch.
    """

    id: str
    event: str
    event_date: str
    show_id: str
    cast: str
    show_country: str
    director: str
    date_added: str
    description: str
    duration: str
    listed_in: str
    rating: str
    title: str
    type: str
    release_year: str
    platform: str
    user_id: str
    date_of_birth: str
    email: str
    first_name: str
    gender: str
    ip_address: str
    user_country: str
    last_name: str
    instant_ms: int
    received_us: int
    position: Position
