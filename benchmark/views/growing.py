"""Growth: counting and similar items, for more events, more media items and more users."""

from contextlib import closing

import msgspec

from benchmark.views import counting, events
from benchmark.views.asking import SCHEMA, Asking, Other, asked, differences, others
from benchmark.views.counting import Counting
from benchmark.views.events import MEDIA, ORDINARY, SCATTERED, USERS, Mix, Size
from benchmark.views.records import number_of
from benchmark.views.rig import Rig
from metrics.postgres.connect import connect

SEEN, PAIRS = "seen", "user_media"


class Growth(msgspec.Struct, frozen=True):
    """Events of one size, counted and asked about.

    Attributes:
        rows: of each table; `table_bytes` with the indexes.
    """

    mix: Mix
    size: Size
    counting: Counting
    asking: Asking
    rows: dict[str, int]
    table_bytes: dict[str, int]


def sizes(base: int, *, is_long: bool) -> list[tuple[Mix, Size]]:
    """Return the events to measure, the usual ones first.

    Args:
        base: the usual number of events.
        is_long: also three and ten times that number.
    """
    found = [
        (ORDINARY, Size(base)),
        (ORDINARY, Size(base // 10)),
        (ORDINARY, Size(base, MEDIA * 10)),
        (ORDINARY, Size(base, users=USERS * 10)),
        (SCATTERED, Size(base)),
        (SCATTERED, Size(base // 10)),
        (SCATTERED, Size(base, MEDIA * 10)),
        (SCATTERED, Size(base, users=USERS * 10)),
    ]
    if is_long:
        found += [(ORDINARY, Size(3 * base)), (ORDINARY, Size(10 * base)), (SCATTERED, Size(3 * base))]
    return found


def grown(rig: Rig, mix: Mix, size: Size, *, beside_others: bool) -> tuple[Growth, list[Other], list[str]]:
    """Count and ask; return what pandas and numpy answer, and what is wrong, too.

    Args:
        beside_others: whether pandas and numpy are asked, and the tables verified.

    Raises:
        ViewsRunError: something failed.
    """
    file = events.file_of(rig, mix, size)
    with rig.topic() as topic, rig.tables() as url:
        rig.load(topic, file)
        file.unlink()
        records = number_of(rig.broker, topic)
        counted = counting.counted(rig, mix, topic, url, records)
        rows, table_bytes = _tables(url)
        asking, scores = asked(rig, topic, url)
        found: list[Other] = []
        problems: list[str] = []
        if beside_others:
            found = others(rig, mix, url, asking.media_id)
            problems = [problem for other in found for problem in differences(scores, other)]
            counting.verify(rig, topic, url)
    return Growth(mix, size, counted, asking, rows, table_bytes), found, problems


def _tables(url: str) -> tuple[dict[str, int], dict[str, int]]:
    """Return rows and bytes of each table, after the statistics that autovacuum would have made."""
    query = (
        "SELECT relname, reltuples::int8, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relnamespace = to_regnamespace(%s) AND relkind = 'r'"
    )
    with closing(connect(url)) as connection:
        connection.execute("VACUUM ANALYZE")
        found = connection.execute(query, (SCHEMA,)).fetchall()
    return {name: rows for name, rows, _ in found}, {name: size for name, _, size in found}
