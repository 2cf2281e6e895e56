"""Lines about invalid records: the first ones in full, then a number at most once a minute."""

from metrics.views.job.batch import InvalidRecord
from metrics.views.job.invalid import InvalidRecords


def records(number: int) -> list[InvalidRecord]:
    return [InvalidRecord(1, offset, ["Missing EventId", "Missing UserId"]) for offset in range(number)]


def test_the_first_five_are_named_with_their_reasons() -> None:
    lines = [*InvalidRecords("events").lines(records(5), 0.0)]
    assert len(lines) == 5
    assert lines[4] == "not a view event: events/1 offset 4: Missing EventId; Missing UserId"


def test_more_of_them_are_a_number_at_once_and_then_once_a_minute() -> None:
    found = InvalidRecords("events")
    assert [*found.lines(records(7), 0.0)][5:] == ["2 more invalid records in events; all are in the table invalid"]
    assert [*found.lines(records(4), 59.0)] == []
    assert [*found.lines(records(1), 60.0)] == ["5 more invalid records in events; all are in the table invalid"]
    assert [*found.lines([], 200.0)] == []
    assert [*found.lines(records(1), 201.0)] == ["1 more invalid record in events; all are in the table invalid"]


def test_those_of_a_minute_are_said_though_none_came_after_them() -> None:
    found = InvalidRecords("events")
    assert len([*found.lines(records(6), 0.0)]) == 6
    assert [*found.lines(records(3), 1.0)] == []
    assert [*found.lines([], 60.0)] == ["3 more invalid records in events; all are in the table invalid"]
