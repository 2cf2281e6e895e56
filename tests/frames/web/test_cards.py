"""What the page says about rejected frames."""

import pytest

from metrics.frames.replay_marks import Place
from metrics.frames.results.rejected import DeadLetter
from metrics.frames.web.cards import beginning, how_many


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        (b"", "(no bytes)"),
        ('{"uid":"é"}'.encode(), '{"uid":"é"}'),
        (b"\xff" * 100, "\ufffd" * 100),
        (b"x" * 101, "x" * 100 + "…"),
        ("é".encode() * 101, "é" * 100 + "…"),
        (("日" * 67).encode(), "日" * 66 + "\ufffd…"),
    ],
)
def test_only_a_cut_frame_ends_in_an_ellipsis(frame: bytes, shown: str) -> None:
    kept = frame[:200].decode(errors="replace")
    size, record = len(frame), Place("frames-rejected", 0, 5)
    assert beginning(DeadLetter("not_json", "", "frames/0 offset 1", None, size, kept, record, size, None)) == shown


def test_the_number_of_rejected_frames_is_shown_or_that_there_are_none() -> None:
    assert how_many(0) == "No rejected frames"
    assert how_many(7) == "Showing the 7 most recent (max. 50)"
