"""Items, the top of them, and their viewers, worked out by hand."""

from typing import get_args

import pytest

from metrics.views.answers import viewers
from metrics.views.answers.items import MediaTotals, Order, read_item, read_top
from metrics.views.answers.snapshot import snapshot
from metrics.views.answers.viewers import Viewer, all_viewers, read_top_viewers, read_viewers
from metrics.views.schema import Connection
from tests.views.filled import Watched, fill

BIG = 2**53 + 1  # no double has it
LARGEST = 2**63 - 1

# user   item 7        item BIG    item LARGEST
#   1    3 waypoints   1           -
#   2    1             -           a start
#   BIG  -             3           -
EVENTS = [
    Watched(1, 7, number=3),
    Watched(1, 7, "streamstart"),
    Watched(1, 7, "streamstop"),
    Watched(2, 7),
    Watched(1, BIG),
    Watched(BIG, BIG, number=3),
    Watched(BIG, BIG, "streamend", number=2),
    Watched(2, LARGEST, "streamstart"),
]
SEVEN = MediaTotals("7", 120, 1, 1, 0, 2)
OF_BIG = MediaTotals("9007199254740993", 120, 0, 0, 2, 2)
OF_LARGEST = MediaTotals("9223372036854775807", 0, 1, 0, 0, 0)


def test_an_item_has_its_sums_and_ids_keep_all_digits(connection: Connection) -> None:
    fill(connection, EVENTS)
    assert read_item(connection, 7) == SEVEN
    assert read_item(connection, BIG) == OF_BIG
    assert read_item(connection, LARGEST) == OF_LARGEST
    assert read_item(connection, 2**53) is None


def test_the_top_is_by_view_time_or_viewers_and_ties_by_id(connection: Connection) -> None:
    fill(connection, [*EVENTS, Watched(3, 8, number=4), Watched(4, 9, number=5)])
    eight, nine = MediaTotals("8", 120, 0, 0, 0, 1), MediaTotals("9", 150, 0, 0, 0, 1)
    assert read_top(connection, "view_time", 10) == [nine, SEVEN, eight, OF_BIG, OF_LARGEST]
    assert read_top(connection, "viewers", 10) == [SEVEN, OF_BIG, eight, nine, OF_LARGEST]
    assert read_top(connection, "viewers", 1) == [SEVEN]


def test_viewers_are_read_on_by_id_and_the_top_is_by_view_time(connection: Connection) -> None:
    fill(connection, [*EVENTS, Watched(0, BIG, number=3)])
    zero, one, big = Viewer("0", 90), Viewer("1", 30), Viewer("9007199254740993", 90)
    assert read_viewers(connection, BIG, None, 2) == [zero, one]
    assert read_viewers(connection, BIG, 0, 2) == [one, big]
    assert read_viewers(connection, BIG, LARGEST, 2) == []
    assert read_top_viewers(connection, BIG, 2) == [zero, big]
    assert read_viewers(connection, LARGEST, None, 2) == []


def test_ids_are_ordered_as_numbers_although_they_are_texts(connection: Connection) -> None:
    fill(connection, [Watched(user, media) for user in (9, 10, 100) for media in (9, 10, 100)])
    assert [viewer.user_id for viewer in read_viewers(connection, 9, None, 2)] == ["9", "10"]
    assert [viewer.user_id for viewer in read_viewers(connection, 9, 9, 2)] == ["10", "100"]
    assert [viewer.user_id for viewer in read_top_viewers(connection, 9, 3)] == ["9", "10", "100"]
    for order in get_args(Order):
        assert [item.media_id for item in read_top(connection, order, 3)] == ["9", "10", "100"]


def test_all_viewers_come_in_parts_from_the_snapshot(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewers, "BATCH", 2)
    fill(connection, [Watched(user, 7, number=user) for user in (1, 2, 3)])
    with snapshot(connection):
        assert [*all_viewers(connection, 7)] == [[Viewer("1", 30), Viewer("2", 60)], [Viewer("3", 90)]]
