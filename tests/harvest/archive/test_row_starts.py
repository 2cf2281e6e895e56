"""Where rows of a processed file begin."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.harvest.archive import row_starts
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.row_starts import FIRST, RowStart, RowStarts
from metrics.harvest.archive.runs import read_events
from metrics.harvest.core.event import Event
from metrics.harvest.core.rows import COLUMNS, cells, row_text
from tests.harvest.core.test_rows import EVENTS


def test_every_other_row_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_starts, "EVERY", 2)
    lines = b'a\r\n12\r\n"\n""\r\n"\r\n45\r\n'
    starts = RowStarts(io.BytesIO(lines))
    assert [starts.before(events) for events in (0, 1, 2, 3, 4, 10**15)] == [FIRST, FIRST, *[RowStart(2, 16)] * 4]
    assert lines[16:] == b"45\r\n"


@settings(deadline=None, max_examples=30)
@given(events=st.lists(EVENTS, max_size=9), every=st.integers(1, 4))
def test_events_are_the_same_from_any_row(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], every: int
) -> None:
    folders, run = Folders(tmp_path_factory.mktemp("runs")), "20231207_170121"
    folders.processed.mkdir()
    path = folders.processed_file(run)
    path.write_bytes("".join([row_text(COLUMNS), *(row_text(cells(event)) for event in events)]).encode())
    with pytest.MonkeyPatch.context() as patched, path.open("rb") as file:
        patched.setattr(row_starts, "EVERY", every)
        starts = RowStarts(file)
        for number in range(len(events) + 2):
            start = starts.before(number)
            assert number - start.events < every or start.events + every > len(events)
            assert [*read_events(folders, run, start)] == events[start.events :]
