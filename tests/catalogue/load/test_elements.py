"""Elements of a JSON array, as texts, whatever they have in them and however the file comes in pieces."""

import io
import json
import resource
from typing import IO, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.load.elements import MAX_BYTES, MAX_DEPTH, Elements
from metrics.wording.errors import FileError


class Pieces:
    """A file that gives a few bytes at a time."""

    def __init__(self, text: bytes, size: int) -> None:
        self._file = io.BytesIO(text)
        self._size = size

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._size))


def elements(text: bytes, size: int = MAX_BYTES) -> list[str]:
    return list(Elements("a.json", cast("IO[bytes]", Pieces(text, size))))


def refusal(text: bytes, size: int = MAX_BYTES) -> FileError:
    with pytest.raises(FileError) as refused:
        elements(text, size)
    return refused.value


@pytest.mark.parametrize("size", [1, 2, 7, 65_536])
def test_elements_are_the_texts_between_commas_as_they_are(size: int) -> None:
    text = b' \n[ {"a" : [1, "]},\\"\\\\"]} ,\t"\\\\", 1.50 ,null,[],{ } ,"\xc3\xa9"\r\n] \n'
    assert elements(text, size) == ['{"a" : [1, "]},\\"\\\\"]}', '"\\\\"', "1.50", "null", "[]", "{ }", '"é"']
    assert elements(b"[]", size) == elements(b" [ \n ] ", size) == []


WRONG = object()


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return WRONG


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(alphabet='[{]}",:\\a\né', max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\a', max_size=4), inner, max_size=3),
    max_leaves=15,
)


@given(
    values=st.lists(JSON, max_size=6),
    size=st.integers(1, 12),
    is_escaped=st.booleans(),
    indent=st.sampled_from([None, 0, 3]),
)
def test_each_element_is_the_text_of_its_value(
    values: list[Any], size: int, indent: int | None, *, is_escaped: bool
) -> None:
    text = json.dumps(values, ensure_ascii=is_escaped, indent=indent)
    assert [json.loads(element) for element in elements(text.encode(), size)] == values
    cut = text.rstrip()[:-1]
    assert "cannot be read completely as JSON" in refusal(cut.encode(), size).what or not values


@given(
    text=st.lists(st.sampled_from([*'[]{}",:\\ 1a', "\\u", "null"]), max_size=14).map("".join), size=st.integers(1, 9)
)
def test_a_text_gives_the_elements_that_a_parser_finds_or_is_refused(text: str, size: int) -> None:
    text = f"[{text}]"
    values = parsed(text)
    try:
        found = [parsed(element) for element in elements(text.encode(), size)]
    except FileError:
        found = [WRONG]
    assert found == values if isinstance(values, list) else WRONG in found


@pytest.mark.parametrize("size", [1, 7, 65_536])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_the_deepest_allowed_level_passes_and_one_more_does_not(opening: str, size: int) -> None:
    closing = "]" if opening == "[" else "}"
    deepest = opening * (MAX_DEPTH - 1) + "1" + closing * (MAX_DEPTH - 1)
    assert elements(f"[{deepest},2]".encode(), size) == [deepest, "2"]
    too_deep = refusal(f"[0,{opening}{deepest}{closing}]".encode(), size)
    assert too_deep.what == "a.json is nested too deeply"
    assert too_deep.why.startswith("a value has more than 100 levels")
    assert "nested too deeply" in refusal(b"[" * 200_000 + b"]" * 200_000).what
    assert "nested too deeply" in refusal(b"[" * (MAX_BYTES + 2)).what
    assert "nested too deeply" in refusal(b"[" * 102 + b"]" * 101 + b",1" * MAX_BYTES + b"]").what


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"[1,]", "record 2: JSON is malformed: invalid character (byte 0)"),
        (b"[1 2]", "after record 1: b'2]' follows instead of a comma"),
        (b"[,1]", "record 1: JSON is malformed: invalid character (byte 0)"),
        (b'[1, {"a": 2}', "after record 2: the file ends without a closing bracket"),
        (b'[1, {"a": 2', "record 2: Input data was truncated"),
        (b'[1,\n {"a: 2}, {"b": 3}]', "record 2: JSON is malformed: expected ':' (byte 11)"),
        (
            b'[{"a": 1}\n{"b": 2}' + b',{"a":1}' * (MAX_BYTES // 8) + b"]",
            'after record 1: b\'{"b": 2},{"a":1},{"a\' follows instead of a comma',
        ),
        (
            b'[0, {"a: 2}' + b',{"b": 3}' * (MAX_BYTES // 8) + b"]",
            "record 2: JSON is malformed: expected ':' (byte 10)",
        ),
        (b'[0, {"a": [1' + b",1" * (MAX_BYTES // 2) + b"]}]", "after record 1: no record ends within 16 MB"),
        (b"[0" + b" " * (2 * MAX_BYTES), "after record 0: no record ends within 16 MB"),
        (b"[1] 2", "after record 1: the array ends, but b'2' follows"),
        (b"[] ]", "after record 0: the array ends, but b']' follows"),
        (b'["a' + b"b" * MAX_BYTES + b'"]', "after record 0: no record ends within 16 MB"),
    ],
    ids=lambda value: value[:20].decode() if isinstance(value, bytes) else "",
)
def test_what_is_not_an_array_of_values_is_refused_after_the_last_one_that_could_be_read(text: bytes, why: str) -> None:
    refused = refusal(text)
    assert refused.what == "a.json cannot be read completely as JSON"
    assert refused.why.startswith(why)


@pytest.mark.parametrize(
    ("text", "why"), [(b"", "it is empty"), (b" \n", "it is empty"), (b'{"a":1}', "it begins with")]
)
def test_what_does_not_begin_as_an_array_is_refused(text: bytes, why: str) -> None:
    refused = refusal(text, 1)
    assert refused.what == "a.json is not a JSON array"
    assert refused.why.startswith(why)


def test_a_record_of_millions_of_values_takes_little_more_than_its_text() -> None:
    text = b'[{"a":[' + b'1,"",[],' * 2_000_000 + b"1]}]"
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert [len(element) for element in elements(text)] == [len(text) - 2]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000
