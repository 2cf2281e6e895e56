"""Similar media items: a plain reference, in exact integers, for what the database is asked."""

from collections.abc import Mapping
from math import isqrt
from typing import NamedTuple

DECIMALS = 12
"""Decimals of a score, so that equal scores are equal however they were added up; a double has 15."""


class Similar(NamedTuple):
    """An item that is like another one.

    Attributes:
        score: Pearson's correlation of the view time of both over all users, from -1 to 1, with DECIMALS decimals.
        common: number of users with view time in both.
    """

    media_id: int
    score: float
    common: int


def similar(viewing: Mapping[int, Mapping[int, int]], users: int, media_id: int, limit: int) -> list[Similar]:
    """Return the items that are most like an item: by score, highest first, and then by MediaId.

    An item with the same view time for every user has no correlation: it has no similar items, and is not one.

    Args:
        viewing: waypoints by MediaId by UserId.
        users: number of users with any valid event; those without view time count as 0.
        media_id: the item.
        limit: largest number of items.
    """
    assert len(viewing) <= users, "each viewer is a user"
    columns: dict[int, dict[int, int]] = {}
    for user, items in viewing.items():
        for item, waypoints in items.items():
            columns.setdefault(item, {})[user] = waypoints
    own = columns.pop(media_id, {})
    own_variance = _covariance(own, own, users)
    ranked = []
    for item, column in columns.items():
        variance = _covariance(column, column, users)
        if own_variance and variance:
            score = _rounded(_covariance(own, column, users), own_variance * variance)
            common = sum(1 for user, waypoints in column.items() if waypoints and own.get(user))
            ranked.append((-score, item, common))
    return [Similar(item, -score / 10**DECIMALS, common) for score, item, common in sorted(ranked)[:limit]]


def _covariance(left: Mapping[int, int], right: Mapping[int, int], users: int) -> int:
    """Return the covariance times the square of the number of users."""
    products = sum(waypoints * right.get(user, 0) for user, waypoints in left.items())
    return users * products - sum(left.values()) * sum(right.values())


def _rounded(covariance: int, variances: int) -> int:
    """Return covariance / sqrt(variances) in units of the last decimal, half of one rounded away from zero."""
    square = 4 * 10 ** (2 * DECIMALS) * covariance**2
    size = (isqrt(square // variances) + 1) // 2
    return size if covariance >= 0 else -size
