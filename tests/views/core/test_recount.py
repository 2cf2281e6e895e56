"""The plain recount: what the tables must contain, worked out by hand."""

import json
from typing import Any

from metrics.views.core.digest import event_digest
from metrics.views.core.recount import MediaSums, PartitionCounts, Recount

MIDNIGHT = 1_764_288_000  # 2025-11-28T00:00:00Z


def line(event_id: str, user: int, media: int, kind: str = "waypoint", time: int = MIDNIGHT, **more: Any) -> bytes:
    fields = {
        "EventId": event_id,
        "MediaId": media,
        "UserId": user,
        "Timestamp": time,
        "DateTime": "2025-11-28T00:00:00Z",
        "EventType": kind,
    }
    return json.dumps(fields | more).encode()


def test_events_add_up_to_the_rows_of_every_table() -> None:
    recount = Recount(since=MIDNIGHT + 60)
    lines = [
        line("a", 1, 7, "streamstart", MIDNIGHT),
        line("b", 1, 7, time=MIDNIGHT + 59),
        line("c", 1, 7, time=MIDNIGHT + 60),
        line("d", 2, 7, time=MIDNIGHT + 899),
        line("e", 2, 7, "streamend", MIDNIGHT + 900),
        line("f", 3, 8, "streamstop", MIDNIGHT + 900),
    ]
    for offset, value in enumerate(lines):
        recount.take(0, offset, value)

    assert recount.counts == {0: PartitionCounts(read=6, counted=6)}
    assert recount.viewers == {1, 2, 3}
    assert recount.user_media == {(7, 1): 2, (7, 2): 1}
    assert recount.media() == {7: MediaSums(3, 1, 0, 1, 2, 5), 8: MediaSums(0, 0, 1, 0, 0, 0)}
    assert recount.media_quarter == {
        (7, MIDNIGHT): [3, 1, 0, 0],
        (7, MIDNIGHT + 900): [0, 0, 0, 1],
        (8, MIDNIGHT + 900): [0, 0, 1, 0],
    }
    assert recount.quarter() == {MIDNIGHT: [3, 1, 0, 0], MIDNIGHT + 900: [0, 0, 1, 1]}
    assert recount.minute() == {
        MIDNIGHT + 60: [1, 0, 0, 0],
        MIDNIGHT + 840: [1, 0, 0, 0],
        MIDNIGHT + 900: [0, 0, 1, 1],
    }
    assert recount.media_minute[7, MIDNIGHT + 840] == [1, 0, 0, 0]


def test_a_repeated_event_counts_once_and_adds_no_user() -> None:
    recount = Recount()
    recount.take(1, 0, line("a", 1, 7))
    recount.take(1, 1, line("a", 1, 7))
    recount.take(0, 0, line("a", 2, 8, "streamend"))
    assert recount.counts == {
        1: PartitionCounts(read=2, counted=1, duplicates=1),
        0: PartitionCounts(read=1, duplicates=1),
    }
    assert recount.viewers == {1}
    assert recount.media() == {7: MediaSums(1, 0, 0, 0, 1, 1)}
    assert recount.seen == {event_digest("a"): 1}


def test_the_partition_from_which_an_event_counts_may_be_given() -> None:
    recount = Recount(is_first=lambda _, partition: partition == 1)
    recount.take(0, 0, line("a", 2, 8))
    recount.take(1, 0, line("a", 1, 7))
    assert recount.user_media == {(7, 1): 1}
    assert recount.counts == {0: PartitionCounts(read=1, duplicates=1), 1: PartitionCounts(read=1, counted=1)}
    assert recount.seen == {}


def test_an_invalid_record_counts_as_such_and_keeps_its_sentences() -> None:
    recount = Recount()
    recount.take(2, 40, b"{")
    recount.take(2, 41, None)
    recount.take(2, 43, line("a", 1, 7))
    assert recount.counts == {2: PartitionCounts(read=3, counted=1, invalid=2)}
    assert list(recount.invalid) == [(2, 40), (2, 41)]
    assert all(reasons and all(reasons) for reasons in recount.invalid.values())
