"""Response models."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from metrics.catalogue.load.loads import Load
from metrics.catalogue.load.rejected import Rejected
from metrics.catalogue.query.shipped import ShippedQuery
from metrics.web.formats import csv_table

HasMore = Annotated[bool, Meta(description="whether `limit` cut the answer")]


class Loads(Struct):
    """Loads, the newest first."""

    loads: list[Load]
    has_more: HasMore


class RejectedRecords(Struct):
    """Rejected records, those of the newest load first, each load's in their order."""

    rejected: list[Rejected]
    has_more: Annotated[bool, Meta(description="whether `limit`, or the size of the answer, cut it")]


class Queries(Struct):
    """The queries that can be asked by name."""

    queries: list[ShippedQuery]


class QueryColumn(Struct):
    """A column of an answer."""

    name: str
    type: Annotated[str, Meta(description="in PostgreSQL; empty for one of the database's own", examples=["int8"])]


class QueryAnswer(Struct):
    """The answer to a query."""

    query: Annotated[str, Meta(description="its name")]
    parameters: Annotated[dict[str, str], Meta(description="the values used, given ones and defaults")]
    time_zone: str
    columns: list[QueryColumn]
    rows: Annotated[list[dict[str, Any]], Meta(description="objects with a member for each column")]
    has_more: Annotated[bool, Meta(description="whether there are more rows than an answer may have")]


class Loaded(Load, kw_only=True):
    """Outcome of the records that were sent: a load, with its sums."""

    rejected_by_reason: dict[str, int]
    same_as: Annotated[
        int | None,
        Meta(description="the model's last load, if it had the same bytes: nothing was loaded, and this is that load"),
    ]


ANSWERS = (Loads, Load, RejectedRecords, Queries, QueryAnswer, Loaded)


def csv_of(kind: type[Struct], records: Iterable[Struct]) -> str:
    """Return records of one kind as CSV: a header, then a line per record; lists are JSON, null is empty."""
    names = [field.name for field in msgspec.structs.fields(kind)]
    rows: list[Sequence[Any]] = [
        [_cell(value) for value in msgspec.to_builtins(msgspec.structs.astuple(record))] for record in records
    ]
    return csv_table(names, rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool | list | dict):
        return msgspec.json.encode(value).decode()
    return "" if value is None else value
