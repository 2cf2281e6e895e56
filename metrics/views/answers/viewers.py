"""The viewers of a media item, with the view time of each."""

from collections.abc import Iterator
from contextlib import closing

from msgspec import Struct

from metrics.postgres.connect import database_errors
from metrics.views.answers.items import Seconds, TextId
from metrics.views.answers.snapshot import NO_ANSWER
from metrics.views.core.event import WAYPOINT_S
from metrics.views.schema import Connection

BATCH = 10_000


class Viewer(Struct):
    """A user who watched an item."""

    user_id: TextId
    view_time: Seconds


_SELECT = "SELECT user_id::text, waypoints FROM user_media WHERE media_id = %s"


def read_viewers(connection: Connection, media_id: int, after: int | None, limit: int) -> list[Viewer]:
    """Return viewers of an item by their ids, which do not change while view times do.

    Args:
        after: only users with a higher id.

    Raises:
        DatabaseError: the database does not answer.
    """
    after = -1 if after is None else after
    query = _SELECT + " AND user_id > %s ORDER BY user_media.user_id LIMIT %s"
    with database_errors(NO_ANSWER):
        found = connection.execute(query, (media_id, after, limit))
        return [Viewer(user, waypoints * WAYPOINT_S) for user, waypoints in found]


def read_top_viewers(connection: Connection, media_id: int, limit: int) -> list[Viewer]:
    """Return the viewers of an item who watched it for longest; ties by id.

    Raises:
        DatabaseError: the database does not answer.
    """
    query = _SELECT + " ORDER BY waypoints DESC, user_media.user_id LIMIT %s"
    with database_errors(NO_ANSWER):
        found = connection.execute(query, (media_id, limit))
        return [Viewer(user, waypoints * WAYPOINT_S) for user, waypoints in found]


def all_viewers(connection: Connection, media_id: int) -> Iterator[list[Viewer]]:
    """Yield the viewers of an item, some thousands at a time; within a transaction.

    Raises:
        DatabaseError: the database does not answer.
    """
    with database_errors(NO_ANSWER), closing(connection.cursor("viewers")) as cursor:
        cursor.execute(_SELECT, (media_id,))
        while rows := cursor.fetchmany(BATCH):
            yield [Viewer(user, waypoints * WAYPOINT_S) for user, waypoints in rows]
