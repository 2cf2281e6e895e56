"""Rows sorted on disk."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.harvest.archive import sorting
from metrics.harvest.archive.answering import ReportedRuns
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.sorting import SortedRows
from metrics.harvest.core.event import Event
from metrics.harvest.core.report_json import reports_json
from metrics.harvest.core.reports import RunEvents
from tests.harvest.core.timeline import START_MS, event

KB = 1 << 10
keys = st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(max_size=2))


@given(
    rows=st.dictionaries(keys, st.binary(max_size=4)), part_bytes=st.integers(1, 3_000), block_bytes=st.integers(1, 900)
)
def test_rows_are_read_in_the_order_of_their_keys_several_times_at_once(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[tuple[int, str], bytes], part_bytes: int, block_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sorting, "PART_BYTES", part_bytes)
        patch.setattr(sorting, "_BLOCK_BYTES", block_bytes)
        found = SortedRows(rows.items(), tmp_path_factory.getbasetemp())
    expected = [row for _, row in sorted(rows.items())]
    assert [*zip(found, found, strict=True)] == [(row, row) for row in expected]
    assert [*found] == expected


def of_users(count: int) -> Iterator[Event]:
    """Yield events of 100 users."""
    for number in range(count):
        yield event(user_id=str(number % 100), event="stream-started", title="x" * 50, instant_ms=START_MS + number)


def peak_bytes(folders: Folders, events: int) -> int:
    """Return the most memory that a report of some events takes."""
    tracemalloc.start()
    try:
        answers = ReportedRuns(folders, [RunEvents(START_MS * 1000, of_users(events))])
        written = sum(map(len, reports_json(answers.figures, answers.users())))
        assert written > 100 * events
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_memory_of_a_report_does_not_grow_with_its_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "PART_BYTES", 256 * KB)
    folders = Folders(tmp_path)
    peak_bytes(folders, 100)  # what is made once
    few, many = peak_bytes(folders, 2_000), peak_bytes(folders, 12_000)
    print(f"{few / KB:,.0f} KB with 2,000 events, {many / KB:,.0f} KB with 12,000")
    # Each user has 20 events or 120, of some 1 KB as objects and JSON; all events would take over 6 MB.
    assert few < 1_200 * KB
    assert many < 1_800 * KB
