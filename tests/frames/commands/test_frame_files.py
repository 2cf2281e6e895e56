"""The file of frames to take when none is named."""

from pathlib import Path

import pytest

from metrics.frames.commands.frame_files import default_file
from metrics.views.commands.event_file import EVENT_FILE


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        ([], None),
        (["README.md", "stream.json", "stream.jsonl.bz2", ".hidden.jsonl", "frames.jsonl.1234.part"], None),
        (["a.jsonl", "stream.jsonl", "z.jsonl"], "stream.jsonl"),
        ([EVENT_FILE.name], None),
        ([EVENT_FILE.name, "z.jsonl"], "z.jsonl"),
        (["b.jsonl", "a.jsonl", "a.jsonl.gz"], "a.jsonl"),
        (["b.jsonl", "a.jsonl.gz"], "b.jsonl"),
        (["stream.jsonl.gz", "b.jsonl.gz", "a.jsonl.xz"], "b.jsonl.gz"),
        (["b.jsonl.xz", "a.jsonl.zst"], "b.jsonl.xz"),
        (["b.jsonl.zst", "a.jsonl.zst"], "a.jsonl.zst"),
    ],
)
def test_the_default_is_stream_jsonl_else_the_first_by_kind_and_name(
    names: list[str], taken: str | None, tmp_path: Path
) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert default_file(tmp_path) == (None if taken is None else tmp_path / taken)


def test_folders_are_never_the_default_whatever_their_names(tmp_path: Path) -> None:
    (tmp_path / "stream.jsonl").mkdir()
    (tmp_path / "a.jsonl").mkdir()
    (tmp_path / "b.jsonl").touch()
    assert default_file(tmp_path) == tmp_path / "b.jsonl"


def test_a_folder_that_does_not_exist_has_no_default(tmp_path: Path) -> None:
    assert default_file(tmp_path / "nowhere") is None


def test_a_link_that_leads_nowhere_is_not_a_file_of_frames(tmp_path: Path) -> None:
    (tmp_path / "frames.jsonl").symlink_to(tmp_path / "gone")
    assert default_file(tmp_path) is None
