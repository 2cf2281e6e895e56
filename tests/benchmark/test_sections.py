"""Pages of docs/: what is measured is written anew, what was written by hand stays."""

from pathlib import Path

from benchmark import sections

PAGE = """\
# Page

<!-- measured: one -->
old
<!-- /measured: one -->

A sentence by hand.
"""


def test_a_part_is_written_in_its_place_and_the_rest_stays() -> None:
    page = sections.written(PAGE, {"one": "new\n\nlines\n"})
    assert page == PAGE.replace("old", "new\n\nlines")
    assert sections.written(page, {"one": "old"}) == PAGE


def test_a_part_that_the_page_lacks_comes_at_its_end() -> None:
    page = sections.written(PAGE, {"two": "more"})
    assert page == PAGE + "\n<!-- measured: two -->\nmore\n<!-- /measured: two -->\n"


def test_a_page_that_is_not_there_begins_with_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "PAGE.md"
    sections.write(path, "# Page\n", {"one": "1"})
    sections.write(path, "# Another\n", {"one": "2"})
    assert path.read_text() == "# Page\n\n<!-- measured: one -->\n2\n<!-- /measured: one -->\n"


def test_a_table_has_numbers_to_the_right_and_texts_to_the_left() -> None:
    assert sections.table(("n", "what"), [("1", "a")], ("what",)) == "| n | what |\n| ---: | --- |\n| 1 | a |"
