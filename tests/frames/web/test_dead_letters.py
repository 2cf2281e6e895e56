"""What the page says about dead letters: how they begin, how many there are, and which command is about them."""

import pytest

from metrics.frames.core.frame import Reason
from metrics.frames.replay_marks import Place
from metrics.frames.results.rejected import DeadLetter
from metrics.frames.web.dead_letters import beginning, how_many
from metrics.frames.web.hints import of_letter


def letter(reason: str, came_from: str = "frames/0 offset 1", kept_bytes: int = 7, replay_of: str | None = None) -> str:
    """Return the command about a dead letter of 7 bytes."""
    record = Place("frames-rejected", 0, 5)
    command, _ = of_letter(
        DeadLetter(reason, "", came_from, None, 7, "no json", record, kept_bytes, replay_of), "frames"
    )
    return command


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        (b"", "(no bytes)"),
        ('{"uid":"é"}'.encode(), '{"uid":"é"}'),
        (b"\xff" * 160, "\ufffd" * 160),
        (b"x" * 161, "x" * 160 + "…"),
        ("é".encode() * 101, "é" * 100 + "…"),
        (("日" * 67).encode(), "日" * 66 + "\ufffd…"),
    ],
)
def test_only_a_cut_frame_ends_in_an_ellipsis(frame: bytes, shown: str) -> None:
    kept = frame[:200].decode(errors="replace")
    size, record = len(frame), Place("frames-rejected", 0, 5)
    assert beginning(DeadLetter("not_json", "", "frames/0 offset 1", None, size, kept, record, size, None)) == shown


def test_the_number_of_dead_letters_is_shown_or_what_they_would_be() -> None:
    assert how_many(7) == "The 7 most recent dead letters, at most 100. All of them:"
    assert how_many(0).startswith("None. Frames that cannot be counted come here, each with the reason: ")


def test_the_command_about_a_dead_letter_replays_it_if_a_replay_may_send_it() -> None:
    assert letter("late") == "python app.py rejected replay --reason late"
    assert letter("no_uid") == "python app.py rejected replay --reason no_uid"
    assert letter("no_uid", replay_of="frames/0 offset 1") == "python app.py rejected replay --reason no_uid --again"


def test_the_command_about_a_dead_letter_that_a_replay_never_sends_shows_it() -> None:
    assert letter("too_large") == "python app.py rejected --reason too_large"
    assert letter("unreadable_headers") == "python app.py rejected --reason unreadable_headers"
    assert letter("not_json", kept_bytes=6) == "python app.py rejected --reason not_json"
    assert letter("not_json", came_from="others/0 offset 1") == "python app.py rejected --reason not_json"
    assert letter("unknown", came_from="?/? offset ?") == "python app.py rejected"


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_of_this_program_may_be_given_to_its_command(reason: Reason) -> None:
    assert f"--reason {reason}" in letter(reason)
