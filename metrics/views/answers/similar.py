"""Similar items: those that the same users watch for long, by the correlation of view times.

For two items, x and y are their waypoints by user, of all n users with a counted event; without a waypoint it is 0.
Pearson's correlation is (n Sxy - Sx Sy) / (sqrt(n Sxx - Sx^2) sqrt(n Syy - Sy^2)). n, Sx and Sxx are kept in each
transaction of the job, Sxy is added up here. The differences are exact: the database calculates them as `numeric`.
"""

from typing import Annotated, LiteralString

from msgspec import Meta, Struct

from metrics.views.answers.items import Number, TextId
from metrics.views.answers.snapshot import snapshot
from metrics.views.core.similarity import DECIMALS
from metrics.views.schema import Connection


class SimilarItem(Struct):
    """An item that is similar to another one.

    Attributes:
        common: users who watched both.
    """

    media_id: TextId
    score: Annotated[float, Meta(ge=-1, le=1, description="correlation of view times by user")]
    common: Number


# Items without a common viewer are candidates, too: their score is below 0. Those that all users watched for equally
# long have no score. A product of bigints that overflows is an error;
# that takes 2^31 waypoints of a user, 2,000 years.
_QUERY: LiteralString = """
WITH users AS (SELECT coalesce(sum(users), 0) AS n FROM counts),
items AS MATERIALIZED (
    SELECT media_id, waypoints::numeric AS s, n, n * sum_sq - waypoints::numeric * waypoints AS variance
    FROM media, users
),
products AS (
    SELECT other.media_id, sum(own.waypoints * other.waypoints) AS s, count(*) AS common
    FROM user_media own JOIN user_media other USING (user_id)
    WHERE own.media_id = %(media)s GROUP BY other.media_id
),
scored AS (
    SELECT items.media_id, coalesce(common, 0) AS common,
        (items.n * coalesce(products.s, 0) - own.s * items.s)::float8
            / (sqrt(own.variance::float8) * sqrt(items.variance::float8)) AS score
    FROM items own CROSS JOIN items LEFT JOIN products ON products.media_id = items.media_id
    WHERE own.media_id = %(media)s AND items.media_id <> own.media_id AND own.variance > 0 AND items.variance > 0
)
SELECT media_id::text, score, common FROM (
    SELECT media_id, common, greatest(-1, least(1, round(score::numeric, %(decimals)s))) AS score FROM scored
) AS rounded ORDER BY rounded.score DESC, rounded.media_id LIMIT %(limit)s
"""


def read_similar(connection: Connection, media_id: int, limit: int) -> list[SimilarItem] | None:
    """Return the items that are most similar to another one, best first; ties by id.

    Returns:
        None if no event about the item was counted; nothing if all users watched it for equally long.

    Raises:
        DatabaseError: the database does not answer.
    """
    with snapshot(connection):
        if connection.execute("SELECT FROM media WHERE media_id = %s", (media_id,)).fetchone() is None:
            return None
        # The plan depends on the number of the item's viewers, which a plan for any item does not know.
        values = {"media": media_id, "limit": limit, "decimals": DECIMALS}
        found = connection.execute(_QUERY, values, prepare=False)
        return [SimilarItem(media, float(score), common) for media, score, common in found]
