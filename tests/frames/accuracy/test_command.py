"""`accuracy` as its user runs it."""

from pathlib import Path

import pytest

from tests.test_app import refused, run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file of 8 frames, one a second, and one that is 2 s late."""
    path = tmp_path / "frames.jsonl"
    path.write_text("".join(f'{{"ts":{ts},"uid":"a"}}\n' for ts in (600, 601, 602, 603, 601, 604, 605, 606, 607)))
    return path


def test_the_trade_off_is_shown_as_a_table_and_as_bars(file: Path) -> None:
    lines = [line.split() for line in run("accuracy", file, "--lateness-s", "2,0,2").stdout.splitlines()]
    assert lines[0] == ["9", "frames"]
    assert ["0", "11.111%", "0.000%", "-1", "of", "2", "exact", "0,", "0", "none"] in lines
    assert ["2", "0.000%", "0.000%", "exact", "exact", "2,", "2", "none"] in lines
    assert ["0", "█" * 40, "11.111%"] in lines
    assert ["2", "0.000%"] in lines


def test_a_folder_and_standard_input_are_read_as_one_stream(file: Path) -> None:
    alone = run("accuracy", file).stdout
    assert run("accuracy", file.parent).stdout == alone
    assert run("accuracy", "-", stdin=file.read_text()).stdout == alone
    assert run("accuracy", file, file).stdout.startswith("18 frames")


def test_the_picture_contains_its_words_as_text_and_is_the_same_each_time(file: Path, tmp_path: Path) -> None:
    pictures = [tmp_path / name for name in ("one.svg", "two.svg")]
    for picture in pictures:
        assert f"wrote {picture}" in run("accuracy", file, "--picture", picture).stdout
    one, two = (picture.read_text(encoding="utf-8") for picture in pictures)
    assert one == two
    for text in ("frames.jsonl: 9 frames", "frames missed (%)", "11.1 %", "delay until output (s)", "3,600"):
        assert f">{text}</text>" in one


@pytest.mark.parametrize("text", ["", "a", "1,,2", "-1", "1.5", "86401", "²"])
def test_an_invalid_list_of_latenesses_is_refused(file: Path, text: str) -> None:
    assert f"invalid --lateness-s '{text}'" in refused(2, "accuracy", file, f"--lateness-s={text}")


def test_a_path_that_is_not_a_picture_or_cannot_be_written_is_refused(file: Path, tmp_path: Path) -> None:
    assert "invalid --picture" in refused(2, "accuracy", file, "--picture", tmp_path / "a.txt")
    assert "cannot be written" in refused(3, "accuracy", file, "--picture", tmp_path / "none" / "a.svg")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refused(3, "accuracy", tmp_path / "none.jsonl")
