"""Similar items: worked out by hand, then against numpy and the exact reference."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.answers.similar import SimilarItem, read_similar
from metrics.views.core.similarity import similar
from metrics.views.schema import Connection
from tests.examples import examples
from tests.views.filled import Watched, fill

BIG = 2**53 + 1


def test_scores_are_correlations_over_all_users_best_first_and_ties_by_id(connection: Connection) -> None:
    # user   7  8  BIG  9  10          n = 4: user 4 only started something
    #   1    1  2   -   1   -
    #   2    -  -   1   1   -
    #   3    -  -   1   1   -
    #   4    -  -   -   1   start
    watched = [Watched(1, 7), Watched(1, 8, number=2), Watched(2, BIG), Watched(3, BIG)]
    watched += [Watched(user, 9) for user in (1, 2, 3, 4)] + [Watched(4, 10, "streamstart")]
    fill(connection, watched)
    # 7 and 8: (4*2 - 1*2) / (sqrt(4*1 - 1) sqrt(4*4 - 4)) = 6 / (sqrt 3 sqrt 12) = 1
    # 7 and BIG: (0 - 1*2) / (sqrt 3 sqrt(4*2 - 4)) = -1 / sqrt 3
    minus = -0.577350269190
    assert read_similar(connection, 7, 10) == [SimilarItem("8", 1.0, 1), SimilarItem(str(BIG), minus, 0)]
    assert read_similar(connection, BIG, 10) == [SimilarItem("7", minus, 0), SimilarItem("8", minus, 0)]
    assert read_similar(connection, BIG, 1) == [SimilarItem("7", minus, 0)]


def test_a_constant_item_has_no_similar_ones_and_an_unknown_one_is_none(connection: Connection) -> None:
    fill(connection, [Watched(1, 7), Watched(2, 7), Watched(1, 8), Watched(2, 9, "streamend")])
    assert read_similar(connection, 7, 10) == []
    assert read_similar(connection, 9, 10) == []
    assert read_similar(connection, 10, 10) is None


@pytest.mark.parametrize("waypoints", [3, 2**31 - 3])
def test_sums_of_any_size_neither_overflow_nor_cancel(connection: Connection, waypoints: int) -> None:
    # Two users with nearly the same view time: the variance is the last digit of sums of 38 digits.
    fill(connection, [Watched(user, media) for user in (1, 2) for media in (7, 8)])
    connection.execute("UPDATE user_media SET waypoints = %s + user_id", (waypoints,))
    connection.execute(
        "UPDATE media SET waypoints = %s, sum_sq = %s", (2 * waypoints + 3, (waypoints + 1) ** 2 + (waypoints + 2) ** 2)
    )
    assert read_similar(connection, 7, 10) == [SimilarItem("8", 1.0, 2)]


users, media = st.integers(1, 6), st.integers(1, 5)
kinds = st.sampled_from(["waypoint"] * 4 + ["streamstart"])
watched = st.builds(Watched, user=users, media=media, kind=kinds, time=st.just(1_764_331_200), number=st.integers(1, 3))


def test_any_scores_equal_those_of_numpy_and_of_the_exact_reference(connection: Connection) -> None:
    @given(events=st.lists(watched, min_size=1, max_size=20), item=media, limit=st.integers(1, 5))
    @settings(max_examples=examples(150), deadline=None)
    def check(events: list[Watched], item: int, limit: int) -> None:
        fill(connection, events)
        found = read_similar(connection, item, limit)
        assert (found is None) == all(event.media != item for event in events)
        if found is None:
            return
        columns = _columns(events)
        exact = similar(_viewing(events), len({event.user for event in events}), item, limit)
        assert [(int(each.media_id), each.common) for each in found] == [(each.media_id, each.common) for each in exact]
        for each, other in zip(found, exact, strict=True):
            theirs = np.corrcoef(columns[item], columns[other.media_id])[0, 1]
            assert each.score == pytest.approx(other.score, abs=2e-12)
            assert each.score == pytest.approx(theirs, abs=1e-9)

    check()


def _viewing(events: list[Watched]) -> dict[int, dict[int, int]]:
    viewing: dict[int, Counter[int]] = {}
    for event in events:
        if event.kind == "waypoint":
            viewing.setdefault(event.user, Counter())[event.media] += event.number
    return {user: dict(items) for user, items in viewing.items()}


def _columns(events: list[Watched]) -> dict[int, list[int]]:
    viewing = _viewing(events)
    rows = [viewing.get(user, {}) for user in sorted({event.user for event in events})]
    return {item: [row.get(item, 0) for row in rows] for item in range(1, 6)}
