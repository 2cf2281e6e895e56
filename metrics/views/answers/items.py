"""Media items, and what the events about each add up to."""

from typing import Annotated, Literal, LiteralString

from msgspec import Meta, Struct

from metrics.postgres.connect import database_errors
from metrics.views.answers.snapshot import NO_ANSWER
from metrics.views.core.event import WAYPOINT_S
from metrics.views.schema import Connection

Order = Literal["view_time", "viewers"]

# As text, since JavaScript and others round integers over 2^53.
TextId = Annotated[str, Meta(pattern="^[0-9]{1,19}$", examples=["9007199254740993"])]
Seconds = Annotated[int, Meta(ge=0, description="in seconds")]
Number = Annotated[int, Meta(ge=0)]


class MediaTotals(Struct):
    """A media item, and what the events about it add up to.

    Attributes:
        viewers: users who watched it for at least one waypoint.
    """

    media_id: TextId
    view_time: Seconds
    starts: Number
    stops: Number
    ends: Number
    viewers: Number


_SELECT = "SELECT media_id::text, waypoints, starts, stops, ends, viewers FROM media"
_ORDER: dict[Order, LiteralString] = {
    "view_time": " ORDER BY waypoints DESC, media.media_id LIMIT %s",
    "viewers": " ORDER BY viewers DESC, media.media_id LIMIT %s",
}


def read_item(connection: Connection, media_id: int) -> MediaTotals | None:
    """Return a media item; None if no event about it was counted.

    Raises:
        DatabaseError: the database does not answer.
    """
    with database_errors(NO_ANSWER):
        found = connection.execute(_SELECT + " WHERE media_id = %s", (media_id,)).fetchone()
    return None if found is None else _totals(*found)


def read_top(connection: Connection, order: Order, limit: int) -> list[MediaTotals]:
    """Return the media items with the most view time, or with the most viewers; ties by id.

    Raises:
        DatabaseError: the database does not answer.
    """
    with database_errors(NO_ANSWER):
        return [_totals(*row) for row in connection.execute(_SELECT + _ORDER[order], (limit,))]


def _totals(media_id: str, waypoints: int, starts: int, stops: int, ends: int, viewers: int) -> MediaTotals:
    return MediaTotals(media_id, waypoints * WAYPOINT_S, starts, stops, ends, viewers)
