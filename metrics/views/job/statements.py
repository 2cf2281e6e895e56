"""The statements of the job: of a session, of the transaction that begins it, and of those that count.

`staged` has the valid events of a batch, `unfit` its invalid records, and `fresh` the events that were never seen
before. Rows are inserted in the order of their keys: two transactions that ran at once could not deadlock, and
neighbouring rows share pages.
"""

from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier

from metrics.views.core.event import COLUMNS
from metrics.views.schema import SUMS

# 1. A session.

CREATE_STAGED = SQL("""
CREATE TEMPORARY TABLE staged (
    id uuid, partition smallint, user_id bigint, media_id bigint, at bigint, event_type smallint
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE unfit (partition int, record_offset bigint, reasons json) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE fresh (
    partition smallint, user_id bigint, media_id bigint, minute timestamptz, event_type smallint
) ON COMMIT DELETE ROWS
""")

# 2. The transaction that begins the job.

LOCK_CONSUMED = SQL("LOCK TABLE consumed IN SHARE ROW EXCLUSIVE MODE")

# Also when a session begins.
READ_OTHERS = SQL("SELECT DISTINCT cluster_id, topic, topic_id FROM consumed WHERE topic_id <> %s")

# 3. A transaction that counts, in this order. After the copies, the sink of offsets exchanges the instance.

COPY_STAGED = SQL("COPY staged FROM STDIN")
COPY_UNFIT = SQL("COPY unfit FROM STDIN")

READ_SINCE = SQL("SELECT extract(epoch FROM since)::bigint, extract(epoch FROM now())::bigint FROM minutes_kept")
KEEP_SINCE = SQL("UPDATE minutes_kept SET since = to_timestamp(%s)")

# By ctid, since no other transaction writes meanwhile: the rows are found once, by the index.
DELETE_OLD_MINUTES = (
    SQL("""
DELETE FROM media_minute WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM media_minute WHERE start_at < (SELECT since FROM minutes_kept) ORDER BY start_at, media_id LIMIT %s
))
"""),
    SQL("""
DELETE FROM minute WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM minute WHERE start_at < (SELECT since FROM minutes_kept) ORDER BY start_at LIMIT %s
))
"""),
)

KEEP_FRESH = SQL("""
WITH added AS (
    INSERT INTO seen (id, partition) SELECT id, partition FROM staged ORDER BY id ON CONFLICT DO NOTHING RETURNING id
)
INSERT INTO fresh (partition, user_id, media_id, minute, event_type)
SELECT partition, user_id, media_id, to_timestamp(at - at % 60), event_type FROM staged JOIN added USING (id)
""")


def _statement(text: LiteralString, table: str, columns: tuple[str, ...] = SUMS) -> Composed:
    """Return a statement about fresh events, with these placeholders.

    {sums}      the columns of the numbers of events
    {counted}   for these: the numbers of fresh events of each type
    {add}       assignments that add the new values of `columns` to those of the row
    {quarter}   the quarter hour of an event
    {kept}      whether minutes are kept of the time of an event
    {waypoint}  the number of the event type waypoint
    """
    add = SQL("{column} = {table}.{column} + excluded.{column}")
    count = SQL("count(*) FILTER (WHERE event_type = {})")
    return SQL(text).format(
        counted=SQL(", ").join(count.format(number) for number in COLUMNS.values()),
        sums=SQL(", ").join(map(Identifier, SUMS)),
        add=SQL(", ").join(add.format(column=Identifier(name), table=Identifier(table)) for name in columns),
        quarter=SQL("date_bin('15 minutes', minute, 'epoch')"),
        kept=SQL("minute >= (SELECT since FROM minutes_kept)"),
        waypoint=COLUMNS["waypoint"],
    )


# With d waypoints more than before, a viewer has n, and n^2 - (n - d)^2 = d (2n - d). One with n = d is new.
ADD_MEDIA = _statement(
    """
WITH delta AS MATERIALIZED (
    SELECT user_id, media_id, count(*) AS waypoints FROM fresh WHERE event_type = {waypoint} GROUP BY 1, 2 ORDER BY 1, 2
),
viewed AS (
    INSERT INTO user_media (user_id, media_id, waypoints) SELECT user_id, media_id, waypoints FROM delta
    ON CONFLICT (user_id, media_id) DO UPDATE SET waypoints = user_media.waypoints + excluded.waypoints
    RETURNING user_id, media_id, waypoints
),
viewers AS (
    SELECT media_id, count(*) FILTER (WHERE viewed.waypoints = delta.waypoints) AS viewers,
        sum(delta.waypoints * (2 * viewed.waypoints - delta.waypoints)) AS sum_sq
    FROM viewed JOIN delta USING (user_id, media_id) GROUP BY 1
),
counted AS (SELECT media_id, {counted} FROM fresh GROUP BY 1)
INSERT INTO media (media_id, {sums}, viewers, sum_sq)
SELECT counted.*, coalesce(viewers, 0), coalesce(sum_sq, 0) FROM counted LEFT JOIN viewers USING (media_id) ORDER BY 1
ON CONFLICT (media_id) DO UPDATE SET {add}
""",
    "media",
    (*SUMS, "viewers", "sum_sq"),
)

ADD_TRENDS = (
    _statement(
        """
INSERT INTO media_quarter (media_id, start_at, {sums})
SELECT media_id, {quarter}, {counted} FROM fresh GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (media_id, start_at) DO UPDATE SET {add}
""",
        "media_quarter",
    ),
    _statement(
        """
INSERT INTO media_minute (media_id, start_at, {sums})
SELECT media_id, minute, {counted} FROM fresh WHERE {kept} GROUP BY 1, 2 ORDER BY 2, 1
ON CONFLICT (start_at, media_id) DO UPDATE SET {add}
""",
        "media_minute",
    ),
    _statement(
        """
INSERT INTO quarter (start_at, {sums}) SELECT {quarter}, {counted} FROM fresh GROUP BY 1 ORDER BY 1
ON CONFLICT (start_at) DO UPDATE SET {add}
""",
        "quarter",
    ),
    _statement(
        """
INSERT INTO minute (start_at, {sums}) SELECT minute, {counted} FROM fresh WHERE {kept} GROUP BY 1 ORDER BY 1
ON CONFLICT (start_at) DO UPDATE SET {add}
""",
        "minute",
    ),
)

# The values: partitions, and the numbers of their records, and of the invalid ones.
ADD_COUNTS = _statement(
    """
WITH sent AS MATERIALIZED (SELECT DISTINCT ON (user_id) user_id, partition FROM fresh ORDER BY user_id),
added AS (INSERT INTO viewer (user_id) SELECT user_id FROM sent ON CONFLICT DO NOTHING RETURNING user_id),
users AS (SELECT partition, count(*) AS users FROM added JOIN sent USING (user_id) GROUP BY 1),
counted AS (SELECT partition, count(*) AS counted FROM fresh GROUP BY 1)
INSERT INTO counts (partition, read, counted, duplicates, invalid, users)
SELECT partition, read, coalesce(counted, 0), read - invalid - coalesce(counted, 0), invalid, coalesce(users, 0)
FROM unnest(%s::int[], %s::bigint[], %s::bigint[]) AS records (partition, read, invalid)
LEFT JOIN counted USING (partition) LEFT JOIN users USING (partition) ORDER BY partition
ON CONFLICT (partition) DO UPDATE SET {add}, committed_at = clock_timestamp()
""",
    "counts",
    ("read", "counted", "duplicates", "invalid", "users"),
)

# A partition that lost its last records, whose loss was accepted, gives their offsets to other records.
ADD_INVALID = SQL("""
INSERT INTO invalid (topic_id, partition, record_offset, reasons)
SELECT %s, partition, record_offset, ARRAY(SELECT json_array_elements_text(reasons)) FROM unfit ORDER BY 2, 3
ON CONFLICT (topic_id, partition, record_offset) DO UPDATE SET reasons = excluded.reasons
""")

# Also when a session begins.
READ_COUNTS = SQL("""
SELECT coalesce(sum(read), 0)::bigint, coalesce(sum(counted), 0)::bigint, coalesce(sum(duplicates), 0)::bigint,
    coalesce(sum(invalid), 0)::bigint, coalesce(sum(users), 0)::bigint FROM counts
""")
