"""Records of a body, read without another copy of it."""

import io
import tracemalloc

import pytest

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.web.received import JSON, JSON_LINES, Received
from metrics.errors import FileError

MIB = 1 << 20


def texts(body: bytes, media_type: str) -> list[tuple[int, str]]:
    [(_, records)] = Received(io.BytesIO(body), media_type, "").records(MODELS["movie"], None)
    return [*records.received]


def test_lines_end_with_a_line_feed_only_and_empty_ones_are_counted_but_not_records() -> None:
    body = "\n{}\n \r\n\u2028[1]\r\n\x0b\x1e0".encode()
    assert texts(body, JSON_LINES) == [(2, "{}"), (4, "\u2028[1]\r"), (5, "\x0b\x1e0")]
    assert texts(b"", JSON_LINES) == []


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        (JSON, b"[" + b"0," * MIB + b"0]"),
        (JSON, b"[" + b" " * MIB + b"]"),
        (JSON_LINES, b"\n" * MIB),
        (JSON_LINES, b"0\n" * MIB),
    ],
)
def test_a_body_of_many_small_parts_takes_little_memory_beside_itself(media_type: str, body: bytes) -> None:
    received = Received(io.BytesIO(body), media_type, "")
    tracemalloc.start()
    [(_, records)] = received.records(MODELS["movie"], None)
    assert all(text == "0" for _, text in records.received)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < MIB


def test_a_line_that_is_not_utf8_is_named() -> None:
    with pytest.raises(FileError, match="the body is not UTF-8\nwhy: line 2, byte 3: invalid start byte"):
        texts(b"{}\nab\xff", JSON_LINES)
