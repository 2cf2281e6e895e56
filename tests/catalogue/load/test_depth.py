"""The limit on the depth of JSON, at any border of pieces."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.load.depth import MAX_DEPTH, ShallowJson
from metrics.errors import FileError


def read(text: bytes, size: int) -> bytes:
    """Read a text in pieces of a size."""
    file = ShallowJson("a.json", io.BytesIO(text))
    return b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_the_deepest_allowed_level_passes_and_one_more_does_not(opening: bytes, size: int) -> None:
    assert read(opening * MAX_DEPTH, size) == opening * MAX_DEPTH
    with pytest.raises(FileError, match=r"^a\.json is nested too deeply") as refused:
        read(opening * (MAX_DEPTH + 1), size)
    assert refused.value.why.startswith("a value has more than 100 levels")


@given(
    strings=st.lists(st.text(alphabet='[{]}"\\a\n', max_size=12), max_size=8),
    depth=st.integers(MAX_DEPTH - 3, MAX_DEPTH + 1),
    size=st.integers(1, 9),
    is_escaped=st.booleans(),
)
def test_brackets_and_quotes_in_strings_do_not_count(
    strings: list[str], depth: int, size: int, *, is_escaped: bool
) -> None:
    value = json.dumps(strings, ensure_ascii=is_escaped)
    text = ("[" * (depth - 1) + value + "]" * (depth - 1)).encode()
    many = b"[" + b",".join([text] * 3) + b"]"  # one level more
    if depth + 1 <= MAX_DEPTH:
        assert read(many, size) == many
    else:
        with pytest.raises(FileError):
            read(many, size)
