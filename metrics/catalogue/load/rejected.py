"""The rejected records, as they were received, with everything that is wrong with them."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from psycopg.rows import class_row
from psycopg.sql import SQL

from metrics.catalogue.load.loads import EXAMPLES, Connection
from metrics.postgres.connect import database_errors

_BYTES = 0xDC00  # surrogateescape adds it to a byte
_UNSTORABLE = re.compile("[\0\udc80-\udcff]")
_FOLLOWS = (
    "load_id <= (SELECT load_id FROM catalogue_rejected WHERE id = %(after)s) AND "
    "(load_id < (SELECT load_id FROM catalogue_rejected WHERE id = %(after)s) OR rejected.id > %(after)s)"
)


def escape(text: str) -> tuple[str, bool]:
    r"""Return a text as it can be stored, and whether it differs: then, `\0`, `\xff` and `\\` are what they replace.

    Args:
        text: it may have NUL, and bytes that are not UTF-8, decoded by `surrogateescape`.
    """
    if not _UNSTORABLE.search(text):
        return text, False
    return _UNSTORABLE.sub(_replacement, text.replace("\\", r"\\")), True


def restore(text: str) -> str:
    """Return the text that was escaped."""
    return re.sub(r"\\(x..|.)", _replaced, text)


def _replacement(found: re.Match[str]) -> str:
    return r"\0" if found[0] == "\0" else rf"\x{ord(found[0]) - _BYTES:02x}"


def _replaced(found: re.Match[str]) -> str:
    return {"0": "\0", "\\": "\\"}.get(found[1]) or chr(_BYTES + int(found[1][1:], 16))


class Rejections(NamedTuple):
    """Rejected records of a load: how many by reason, and the first ones in words."""

    by_reason: dict[str, int]
    examples: list[str]


class Rejected(msgspec.Struct):
    """One rejected record."""

    id: int
    load_id: int
    model: str
    position: str
    reason: str
    detail: str
    record: str


def forget_rejected(connection: Connection, load_id: int) -> None:
    """Remove the rejected records of a load."""
    connection.execute("DELETE FROM catalogue_rejected WHERE load_id = %s", (load_id,))


def rejections(connection: Connection, load_id: int) -> Rejections:
    """Return how many records a load rejected, by reason, and the first ones in words."""
    by_reason = "SELECT reason, count(*) FROM catalogue_rejected WHERE load_id = %s GROUP BY reason"
    first = "SELECT position || ': ' || detail FROM catalogue_rejected WHERE load_id = %s ORDER BY id LIMIT %s"
    with database_errors("the rejected records cannot be read"):
        return Rejections(
            dict(connection.execute(by_reason, (load_id,)).fetchall()),
            [text for (text,) in connection.execute(first, (load_id, EXAMPLES)).fetchall()],
        )


def rejected_records(
    connection: Connection,
    model: str | None = None,
    load_id: int | None = None,
    limit: int | None = None,
    *,
    after: int | None = None,
) -> Iterator[Rejected]:
    """Yield rejected records, those of the newest load first, each load's in their order; in bounded memory.

    Those that were tried again are left out: they were loaded then, or rejected by the later load.

    Args:
        model, load_id: only those of this model, of this load.
        limit: how many at most.
        after: only those that follow the record of this id.
    """
    # A condition is left out where it is not needed: with `coalesce` in its place, no index could be used.
    conditions = {"model = %(model)s": model, "load_id = %(load)s": load_id, f"({_FOLLOWS})": after}
    asked = [SQL(condition) for condition, value in conditions.items() if value is not None]
    query = SQL(
        "SELECT rejected.id, load_id, model, position, reason, detail, record "
        "FROM catalogue_rejected rejected JOIN catalogue_load load ON load.id = load_id "
        "WHERE retried_by IS NULL AND {} ORDER BY load_id DESC, rejected.id LIMIT %(limit)s"
    ).format(SQL(" AND ").join(asked) if asked else SQL("true"))
    values = {"model": model, "load": load_id, "after": after, "limit": limit}
    read = database_errors("the rejected records cannot be read")
    with read, connection.transaction(), connection.cursor("rejected", row_factory=class_row(Rejected)) as rows:
        yield from rows.execute(query, values)
