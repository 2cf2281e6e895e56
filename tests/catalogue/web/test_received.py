"""Records of a body, read without another copy of it."""

import io
import tracemalloc

import pytest

from metrics.catalogue.core.models import MODELS
from metrics.catalogue.web.received import JSON, JSON_LINES, MAX_RECORDS, Received, TooManyRecordsError
from metrics.wording.errors import FileError

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
        (JSON, b"[" + b"0," * (MAX_RECORDS - 1) + b"0]"),
        (JSON, b"[" + b" " * MIB + b"]"),
        (JSON_LINES, b"\n" * MAX_RECORDS),
        (JSON_LINES, b"0\n" * MAX_RECORDS),
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


@pytest.mark.parametrize(
    ("media_type", "body", "unit"),
    [
        (JSON, b"[" + b"0," * (MAX_RECORDS + 1), "records"),
        (JSON_LINES, b"0\n" * (MAX_RECORDS + 1), "lines"),
        (JSON_LINES, b"\n" * (MAX_RECORDS + 1), "lines"),
    ],
)
def test_a_body_of_too_many_records_is_refused_at_the_first_one_beyond_the_limit(
    media_type: str, body: bytes, unit: str
) -> None:
    [(_, records)] = Received(io.BytesIO(body + b"\xff"), media_type, "").records(MODELS["movie"], None)
    with pytest.raises(TooManyRecordsError, match=f"^the body has more than 100,000 {unit}\nhint: send it in parts"):
        for _ in records.received:
            pass


@pytest.mark.parametrize(
    ("media_type", "body"), [(JSON, b"[" + b"0," * (MAX_RECORDS - 1) + b"0]"), (JSON_LINES, b"0\n" * MAX_RECORDS)]
)
def test_a_body_of_as_many_records_as_the_limit_is_read(media_type: str, body: bytes) -> None:
    assert len(texts(body, media_type)) == MAX_RECORDS


def test_a_line_that_is_not_utf8_is_named() -> None:
    with pytest.raises(FileError, match="the body is not UTF-8\nwhy: line 2, byte 3: invalid start byte"):
        texts(b"{}\nab\xff", JSON_LINES)
