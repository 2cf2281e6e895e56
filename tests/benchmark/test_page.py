"""Pages of measurements: parts, tables, figures."""

from pathlib import Path

import pytest

from benchmark import page
from metrics.wording.errors import FileError


class Found(page.Findings, frozen=True, kw_only=True):
    title = "figures"
    introduction = "# Figures"

    windows: int

    def as_markdown(self) -> str:
        return f"{self.windows} windows"


def test_a_page_consists_of_its_parts_and_replaces_the_previous_one(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "PAGE.md"
    page.write(path, "# Page\n", "old")
    page.write(path, "# Page\n", "| 1 |", "\nMeasured by hand.")
    assert path.read_text() == "# Page\n\n| 1 |\n\nMeasured by hand.\n"


def test_findings_are_written_as_a_page_and_as_json(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    assert Found(windows=7, problems=[]).write(docs, "Measured by hand.") == docs / "FIGURES.md"
    assert (docs / "FIGURES.md").read_text() == "# Figures\n\n7 windows\n\nMeasured by hand.\n"
    assert (docs / "figures.json").read_text() == '{\n  "problems": [],\n  "windows": 7\n}\n'


def test_a_page_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").touch()
    with pytest.raises(FileError, match="cannot be written"):
        page.write(tmp_path / "docs" / "PAGE.md", "# Page")


def test_a_table_aligns_numbers_to_the_right_and_texts_to_the_left() -> None:
    assert page.table(("n", "what"), [("1", "a")], ("what",)) == "| n | what |\n| ---: | --- |\n| 1 | a |"
