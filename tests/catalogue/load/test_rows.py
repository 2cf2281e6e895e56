"""Rows of a CSV file, with their lines and their own texts."""

import io
import re
import time
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.load import rows
from metrics.catalogue.load.rows import Rows, cells_of, row_of
from metrics.wording.errors import FileError

# A quoted cell may have line ends; U+2028, form feed and NEL end a line for `str.splitlines` alone.
CELLS = st.text(st.sampled_from('a ,"\n\r\u2028\f\x85é'), max_size=6)


def opened(content: bytes) -> Rows:
    """Return the rows of a file."""
    return Rows("a.csv", io.BufferedReader(io.BytesIO(content)))


def received(content: bytes) -> list[tuple[int, list[str], str]]:
    """Return all rows of a file: line, cells, text."""
    read = opened(content)
    return [(line, cells, read.text) for line, cells in read]


def test_a_row_has_the_number_of_its_first_line_its_cells_and_the_text_as_it_came() -> None:
    assert received(b'a , "b"\r\n\r\n"c\r\nd",e\r\n"f",g') == [
        (1, ["a ", ' "b"'], 'a , "b"'),
        (3, ["c\r\nd", "e"], '"c\r\nd",e'),
        (5, ["f", "g"], '"f",g'),
    ]


@given(
    table=st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=8),
    ends=st.lists(st.sampled_from(["", "\n", "\r\n", "\r"]), min_size=8, max_size=8),
    size=st.integers(1, 40),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_rows_are_the_same_wherever_a_block_ends(table: list[list[str]], ends: list[str], size: int, end: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "BLOCK_CHARACTERS", size)
        texts = [row_of(cells) for cells in table]
        blank = [end if each else "" for each in ends[: len(table)]]
        pieces = [text + end + more for text, more in zip(texts, blank, strict=True)]
        lines = accumulate((len(re.findall(r"\r\n|\r|\n", piece)) for piece in pieces), initial=1)
        expected = [(line, cells, text) for line, cells, text in zip(lines, table, texts, strict=False)]
        assert received("".join(pieces).encode()) == expected


@given(st.lists(CELLS, min_size=2))
def test_a_row_reads_as_it_was_written(cells: list[str]) -> None:
    assert cells_of(row_of(cells)) == cells


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a,b\nc,d\ne,f\n" + b"," * 2_000 + b"\n", 3),
        (b"a,b\nc,d\ne,f\n" + b"," * 2_000, 3),
        (b"a,b\nc,d\n" + b'"\n",' * 500, 250),
    ],
    ids=["line", "line without an end", "lines"],
)
def test_a_row_that_is_too_long_is_refused_before_all_of_it_is_read(
    monkeypatch: pytest.MonkeyPatch, content: bytes, line: int
) -> None:
    monkeypatch.setattr(rows, "MAX_CHARACTERS", 1_000)
    monkeypatch.setattr(rows, "BLOCK_CHARACTERS", 10)
    with pytest.raises(FileError) as refused:
        received(content)
    assert refused.value.why == f"after line {line}: a row of more than 1,000 characters or 131,072 lines"


def test_a_row_of_millions_of_short_lines_is_refused_at_once() -> None:
    began_s = time.process_time()
    with pytest.raises(FileError) as refused:
        received(b"a,b\n" + b'"\n",' * 4_000_000)
    assert refused.value.why.endswith("or 131,072 lines")
    assert time.process_time() - began_s < 3, "most of it is not read"


def test_a_last_line_may_have_no_end() -> None:
    for content, has_end in ((b"", True), (b"a\n", True), (b"a\r", True), (b"a\nb", False)):
        read = opened(content)
        assert ([*read] != [], read.has_end) == (content != b"", has_end)
