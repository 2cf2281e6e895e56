"""The frames that every side counts, and how a hand-rolled peer counts them."""

import json
from pathlib import Path

import pytest

from benchmark import frames
from benchmark.contract import LATENESS_S
from benchmark.frames import Recipe
from benchmark.peers.plain_windows import SECOND_S, Closed, Windows
from benchmark.truth import Published, compare
from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES

RECIPE = Recipe(count=20_000)


def test_frames_are_generated_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = frames.prepared(tmp_path, Recipe(count=1_000))
    assert "generated 1,000 frames" in capsys.readouterr().out
    assert frames.prepared(tmp_path, Recipe(count=1_000)) == made
    assert capsys.readouterr().out == ""
    assert len(list(Lines([made.path], MAX_FRAME_BYTES))) == 1_000
    assert frames.prepared(tmp_path, Recipe(count=1_000, users=5)).path != made.path


def test_some_frames_are_delayed_and_none_by_the_allowed_lateness() -> None:
    newest, delays = 0, set()
    for frame in RECIPE.frames():
        ts = json.loads(frame)["ts"]
        newest = max(newest, ts)
        delays.add(newest - ts)
    assert delays == {0, 1, 2, 3, 4}
    assert max(delays) < LATENESS_S


def test_small_runs_close_a_minute_and_the_plain_windows_of_peers_are_right(tmp_path: Path) -> None:
    truth = frames.prepared(tmp_path, RECIPE).truth
    windows = Windows()
    closed: list[Closed] = []
    for frame in RECIPE.frames():
        fields = json.loads(frame)
        if fields["ts"] > windows.newest:
            closed += windows.advance(fields["ts"])
        windows.add(fields["ts"], fields["uid"])
    seconds = [Published(window.start, window.number) for window in closed if window.size_s == SECOND_S]
    minutes = [Published(window.start, window.number) for window in closed if window.size_s != SECOND_S]
    _, problems = compare(truth, seconds, minutes)
    assert problems == []
    assert len(minutes) == 1
