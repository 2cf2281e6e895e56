"""The plain reference of similar items: by hand, and against numpy."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.core.similarity import DECIMALS, Similar, similar
from tests.examples import examples


def test_a_score_is_pearsons_correlation_over_all_users() -> None:
    #          item 1  item 2  item 3
    #  user 1    2       1       .
    #  user 2    1       .       3       n = 4; Sx = 3, Sxx = 5: n Sxx - Sx^2 = 11
    #  user 3    .       .       .       item 2: Sy = 1, Syy = 1: 3;  Sxy = 2: 4 * 2 - 3 * 1 = 5
    #  user 4    .       .       .       item 3: Sy = 3, Syy = 9: 27; Sxy = 3: 4 * 3 - 3 * 3 = 3
    viewing = {1: {1: 2, 2: 1}, 2: {1: 1, 3: 3}}
    assert similar(viewing, 4, 1, 10) == [
        Similar(2, 0.870388279778, 1),  # 5 / sqrt(11 * 3)
        Similar(3, 0.174077655956, 1),  # 3 / sqrt(11 * 27)
    ]


def test_users_without_view_time_change_the_score() -> None:
    viewing = {1: {1: 1, 2: 1}, 2: {1: 1}, 3: {2: 1}}
    assert [found.score for found in similar(viewing, 3, 1, 10)] == [-0.5]
    assert [found.score for found in similar(viewing, 4, 1, 10)] == [0]


def test_an_item_without_a_common_viewer_is_below_zero() -> None:
    assert similar({1: {1: 1}, 2: {2: 1}}, 2, 1, 10) == [Similar(2, -1.0, 0)]


def test_a_constant_item_has_no_similar_items_and_is_not_one() -> None:
    viewing = {1: {1: 3, 2: 1, 3: 2}, 2: {1: 3, 2: 2, 3: 1}}
    assert similar(viewing, 2, 1, 10) == []
    assert similar(viewing, 2, 2, 10) == [Similar(3, -1.0, 2)]


def test_an_unknown_item_has_no_similar_items() -> None:
    assert similar({1: {1: 1}}, 2, 9, 10) == []


def test_ties_at_the_last_place_are_by_media_id() -> None:
    viewing = {1: dict.fromkeys([9, 30, 4, 2**63 - 1, 2**53 + 1, 2**53], 1), 2: {8: 1}}
    found = similar(viewing, 3, 9, 3)
    assert [(item.media_id, item.score) for item in found] == [(4, 1.0), (30, 1.0), (2**53, 1.0)]


def test_scores_are_exact_where_floating_point_numbers_cancel() -> None:
    # n Sxx and Sx^2 differ in their 31st digit, where a double has 16.
    large = 10**15
    viewing = {1: {1: large, 2: large}, 2: {1: large + 1, 2: large + 1}, 3: {1: large, 2: large + 1}}
    assert similar(viewing, 3, 1, 10) == [Similar(2, 0.5, 3)]


viewings = st.dictionaries(
    st.integers(0, 12), st.dictionaries(st.integers(0, 5), st.integers(1, 2_880), max_size=5), max_size=10
)


@given(viewings, st.integers(0, 5), st.integers(1, 4))
@settings(max_examples=examples(500))
def test_scores_are_those_of_numpy(viewing: dict[int, dict[int, int]], media: int, others: int) -> None:
    users = len(viewing) + others
    items = sorted({item for watched in viewing.values() for item in watched})
    table = np.zeros((users, len(items)))
    for row, watched in enumerate(viewing.values()):
        for item, waypoints in watched.items():
            table[row, items.index(item)] = waypoints
    found = similar(viewing, users, media, 10)
    if media not in items:
        assert found == []
        return
    expected = {
        item: np.corrcoef(table[:, items.index(media)], table[:, column])[0, 1]
        for column, item in enumerate(items)
        if item != media
    }
    # No item is constant: at least one user has no view time.
    assert {each.media_id: each.score for each in found} == pytest.approx(expected, abs=1e-9)
    assert found == sorted(found, key=lambda each: (-each.score, each.media_id))
    for each in found:
        assert each.common == sum({media, each.media_id} <= watched.keys() for watched in viewing.values())
        assert each.score == float(Fraction(round(each.score * 10**DECIMALS), 10**DECIMALS))
