"""Responses of the routes that answer, and answers as CSV."""

from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from metrics.views.answers.items import MediaTotals, Order, TextId
from metrics.views.answers.similar import SimilarItem
from metrics.views.answers.trend import Trend
from metrics.views.answers.viewers import Viewer
from metrics.views.web.status import Status
from metrics.web.formats import csv_table

HasMore = Annotated[bool, Meta(description="whether `limit` cut the answer")]


class TopMedia(Struct):
    """Media items, the highest first; ties by id."""

    order: Order
    media: list[MediaTotals]
    has_more: HasMore


class Viewers(Struct):
    """Viewers of a media item."""

    media_id: TextId
    viewers: list[Viewer]
    has_more: HasMore


class ScoredItem(Struct):
    """An item that is similar to another one."""

    media_id: TextId
    score: Annotated[float, Meta(ge=-1, le=1, description="correlation of view times by user")]
    common: Annotated[int, Meta(ge=0, description="with `common=1`: users who watched both")] | UnsetType = UNSET


class SimilarMedia(Struct):
    """Items that are similar to a media item, best first; ties by id."""

    media_id: TextId
    similar: list[ScoredItem]


ANSWERS = (TopMedia, MediaTotals, Trend, Viewers, SimilarMedia, Status)


def scored(found: Iterable[SimilarItem], *, with_common: bool) -> list[ScoredItem]:
    """Return similar items for an answer."""
    if with_common:
        return [ScoredItem(item.media_id, item.score, item.common) for item in found]
    return [ScoredItem(item.media_id, item.score) for item in found]


def csv_of(kind: type[Struct], records: Sequence[Struct]) -> str:
    """Return records of one kind as CSV: a header, then a line for each."""
    names = [field.name for field in msgspec.structs.fields(kind)]
    if records:
        names = [name for name in names if getattr(records[0], name) is not UNSET]
    return csv_table(names, ([getattr(record, name) for name in names] for record in records))
