import json
import re
import time
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.harvest.core.frames import Frame, FrameParser

LIMIT = 1 << 20
BOM = b"\xef\xbb\xbf"


class Parsed(NamedTuple):
    frames: list[Frame]
    last_id: bytes
    retry_ms: int | None


def parse(*chunks: bytes, limit: int = LIMIT, last_id: bytes = b"") -> Parsed:
    parser = FrameParser(limit, last_id)
    return Parsed([frame for chunk in chunks for frame in parser.feed(chunk)], parser.last_id, parser.retry_ms)


def data_of(*chunks: bytes, limit: int = LIMIT) -> list[bytes]:
    return [frame.data for frame in parse(*chunks, limit=limit).frames]


def blocks(stream: bytes) -> Iterator[tuple[list[bytes], int | None]]:
    """Yield the lines of each block, and the end of its blank line; None for the block that the connection cut."""
    lines: list[bytes] = []
    for ended in re.finditer(rb"([^\r\n]*)(?:\r\n|\r|\n)", stream):
        line = ended[1].removeprefix(BOM) if ended.start() == 0 else ended[1]
        if line:
            lines.append(line)
        else:
            yield lines, ended.end(1) + 1
            lines = []
    yield lines, None


def field(line: bytes) -> tuple[bytes, bytes]:
    """Return the name and the value of a line."""
    if b":" not in line:
        return line, b""
    name, value = line.split(b":", 1)
    return name, value[1:] if value.startswith(b" ") else value


def reference(stream: bytes, limit: int, last_id: bytes = b"") -> Parsed:
    """Parse all bytes of a connection at once, by what section 9.2.6 says about each field of a block."""
    frames, retry_ms, start = [], None, 0
    for lines, end in blocks(stream):
        data = [value for name, value in map(field, lines) if name == b"data"]
        short = [field(line) for line in lines if len(line) <= limit]
        events = [value for name, value in short if name == b"event"]
        ids = [value for name, value in short if name == b"id" and b"\0" not in value]
        for name, value in short:
            retry_ms = int(value) if name == b"retry" and re.fullmatch(rb"[0-9]+", value) else retry_ms
        if end is None:
            break
        if data:
            is_too_long = end - start > limit
            joined = b"" if is_too_long else b"\n".join(data)
            frames.append(Frame([b"", *events][-1], joined, [None, *ids][-1], is_too_long, end))
        last_id, start = [last_id, *ids][-1], end
    return Parsed(frames, last_id, retry_ms)


PIECES = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"\r\n\r\n",
    b"\n\r",
    b":",
    b" ",
    b"data",
    b"data:",
    b"data: ",
    b"id:",
]
PIECES += [
    b"id",
    b"event:",
    b"retry:",
    b"retry:25\n",
    b"id:a/b\n",
    b"data:x\n\n",
    b": heartbeat\n",
    b"datax",
    b"Data:x\n",
]
PIECES += [
    b"0",
    b"7",
    b"x",
    b"\0",
    b"\t",
    BOM,
    BOM[:2],
    b"\xff",
    b"\v",
    b"\f",
    b"\x1c",
    "\u0085\u2028é😀".encode(),
    b"y" * 30,
]
pieces = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
streams = pieces | pieces.map(BOM.__add__) | st.binary(max_size=60)
limits = st.integers(0, 50) | st.just(LIMIT)


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    stream = draw(streams)
    cuts = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    return [stream[start:end] for start, end in pairwise([0, *cuts, len(stream)])]


def test_a_frame_has_its_event_its_data_its_id_and_its_end() -> None:
    stream = b'id:90e6\nevent:stream-started\ndata:{"a":1}\n\nid: 90e7\ndata: 2\n\n'
    #                                                    ^43 bytes          ^18 bytes
    assert parse(stream) == (
        [Frame(b"stream-started", b'{"a":1}', b"90e6", False, 43), Frame(b"", b"2", b"90e7", False, 61)],
        b"90e7",
        None,
    )


def test_the_examples_of_the_standard_give_the_frames_it_says() -> None:
    assert data_of(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [b"YHOO\n+2\n10"]
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"
    frames, last_id, _ = parse(stream)
    assert [(frame.data, frame.id) for frame in frames] == [
        (b"first event", b"1"),
        (b"second event", b""),
        (b" third event", None),
    ]
    assert last_id == b""
    assert data_of(b"data\n\ndata\ndata\n\ndata:") == [b"", b"\n"]
    assert data_of(b"data:test\n\ndata: test\n\n") == [b"test", b"test"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_a_line_ends_with_lf_cr_or_crlf_cut_anywhere(end: bytes) -> None:
    stream = end.join([b"id:1", b"data:a", b": comment", b"data:b", b"", b"data:c", b"", b""])
    expected = [(b"a\nb", b"1"), (b"c", None)]
    for cut in range(len(stream) + 1):
        frames = parse(stream[:cut], b"", stream[cut:]).frames
        assert [(frame.data, frame.id) for frame in frames] == expected
    assert data_of(*(bytes([byte]) for byte in stream)) == [b"a\nb", b"c"]


def test_line_ends_are_mixed_in_one_frame() -> None:
    assert data_of(b"data:a\rdata:b\ndata:c\r\ndata:d\n\r\ndata:e\r\n\rdata:f\n\r") == [b"a\nb\nc\nd", b"e", b"f"]


def test_a_frame_is_returned_with_the_first_byte_of_its_blank_line() -> None:
    """The LF of a CRLF there is a byte of the next block, in the same chunk or not."""
    parser = FrameParser(LIMIT)
    assert parser.feed(b"data:a\r\n") == []
    assert parser.feed(b"\r") == [Frame(b"", b"a", None, False, 9)]
    assert parser.feed(b"\n") == []
    assert parser.feed(b"\r") == []  # a blank line, which ends a block of two bytes
    assert parser.feed(b"\ndata:b\n\n") == [Frame(b"", b"b", None, False, 20)]
    assert [frame.end for frame in parse(b"data:a\r\n\r\n\r\ndata:b\n\n").frames] == [9, 20]


def test_only_cr_and_lf_end_a_line() -> None:
    text = "a\u2028b\u2029c\u0085d\ve\ff\x1cg\x1dh\x1ei\0j".encode()
    assert data_of(b"data:" + text + b"\n\n") == [text]
    assert data_of(b"data:" + b"\x85 \xe2\x80 \xff" + b"\n\n") == [b"\x85 \xe2\x80 \xff"]


def test_a_byte_order_mark_is_dropped_once_at_the_start_cut_anywhere() -> None:
    for stream in (BOM + b"data:a\n\n", BOM + b"\ndata:a\n\n", BOM + b"data:" + BOM + b"\n" + BOM + b"data:x\n\n"):
        whole = data_of(stream)
        assert whole in ([b"a"], [BOM])
        for cut in range(6):
            assert data_of(stream[:cut], stream[cut:]) == whole
    assert data_of(BOM + BOM + b"data:a\n\n") == []
    assert data_of(b"\n" + BOM + b"data:a\n\n") == []
    assert data_of(BOM[:2] + b"data:a\n\n") == []
    # its field is known, though the line is too long
    assert data_of(BOM + b"data:a", b"bcdefghi\n\n", limit=0) == data_of(BOM + b"data:abcdefghi\n\n", limit=4) == [b""]


def test_one_space_after_the_colon_is_removed_and_no_other_blank() -> None:
    assert data_of(b"data:  a \n\ndata:\ta\n\ndata: \n\n") == [b" a ", b"\ta", b""]
    assert data_of("data:\u00a0a\n\n".encode()) == ["\u00a0a".encode()]


def test_what_is_no_field_of_the_standard_is_ignored() -> None:
    for line in (b"data ", b" data:x", b"Data:x", b"DATA:x", b"data\0:x", b"foo:x", b"{}", b":data:x", b"datas:x"):
        assert data_of(line + b"\n\n") == []
    assert data_of(b"data:a\nfoo\n:\n: comment\ndata:b\n\n") == [b"a\nb"]
    assert data_of(b"data:a:b: c\n\n") == [b"a:b: c"]


def test_a_block_without_data_dispatches_nothing_but_sets_the_last_id() -> None:
    parser = FrameParser(LIMIT, b"before")
    assert parser.feed(b"event:started\nid:7\n") == []
    assert parser.last_id == b"before"  # its block has not ended
    assert parser.feed(b"\ndata:a\n\n") == [Frame(b"", b"a", None, False, 28)]  # neither its event nor its id
    assert parser.last_id == b"7"


def test_the_last_of_several_ids_or_events_counts() -> None:
    [frame], last_id, _ = parse(b"id:1\nevent:a\ndata:x\nid:2\nevent:b\n\n")
    assert (frame.event, frame.id, last_id) == (b"b", b"2", b"2")
    [frame], *_ = parse(b"event:a\nevent\ndata:x\n\n")
    assert frame.event == b""


def test_an_id_with_nul_is_ignored_and_an_empty_one_forgets_the_last() -> None:
    assert parse(b"id:1\nid:2\0\ndata:x\n\n").frames[0].id == b"1"
    assert parse(b"id:\0\ndata:x\n\n", last_id=b"9") == ([Frame(b"", b"x", None, False, 13)], b"9", None)
    assert parse(b"id:\ndata:x\n\n", last_id=b"9") == ([Frame(b"", b"x", b"", False, 12)], b"", None)


def test_an_unfinished_frame_is_dropped_with_its_id() -> None:
    assert parse(b"data:a\nid:1\n\nid:2\ndata:b\n") == ([Frame(b"", b"a", b"1", False, 13)], b"1", None)
    assert parse(b"id:1\ndata:a\n\n\nid:2\ndata:b").last_id == b"1"


@pytest.mark.parametrize(
    ("lines", "retry_ms"),
    [
        (b"retry:3000\n", 3000),
        (b"retry: 0\n", 0),
        (b"retry:007\n", 7),
        (b"retry:1\nretry:2x\n", 1),
        (b"retry:\nretry\nretry:-1\nretry:+1\nretry:1.5\nretry:1_0\nretry:1e3\nretry:  1\nretry:1 \n", None),
        ("retry:٣\nretry:²\n".encode(), None),
        (b"retry:" + b"0" * 400 + b"5\n", 5),
        (b"retry:5", None),
    ],
)
def test_retry_takes_ascii_digits_only_and_at_once(lines: bytes, retry_ms: int | None) -> None:
    assert parse(lines).retry_ms == retry_ms


def test_a_retry_of_any_number_of_digits_can_be_calculated_with() -> None:
    for digits in (16, 400, 5_000):
        retry_ms = parse(b"retry:" + b"9" * digits + b"\n").retry_ms
        assert retry_ms is not None
        assert retry_ms == 10**15 - 1  # 31,700 years


def test_a_frame_longer_than_the_limit_has_no_data_and_the_next_one_is_whole() -> None:
    #         8 + 6 + 1 = 15 bytes     16 bytes            1 byte more than 15
    stream = b"data:ab\nid:10\n\n" + b"data:ab\nid:101\n\n" + b"data:c\n\n"
    assert parse(stream, limit=15).frames == [
        Frame(b"", b"ab", b"10", False, 15),
        Frame(b"", b"", b"101", True, 31),
        Frame(b"", b"c", None, False, 39),
    ]
    assert data_of(b"data:a\n\n", limit=8) == [b"a"]
    assert data_of(b"data:a\n\n", limit=7) == [b""]


def test_an_id_of_a_frame_that_is_too_long_counts_before_and_after_its_data() -> None:
    too_long = b"data:" + b"x" * 100 + b"\n"
    for lines in (b"id:7\nevent:e\n" + too_long, too_long + b"id:7\nevent:e\n"):
        [frame], last_id, _ = parse(lines + b"\n", limit=20)
        assert (frame, last_id) == (Frame(b"e", b"", b"7", True, 120), b"7")
    for digits, last_id in ((17, b"7" * 17), (18, b"6"), (30, b"6")):  # the line has 20, 21 and 33 bytes
        assert parse(b"id:" + b"7" * digits + b"\ndata:x\n\n", limit=20, last_id=b"6").last_id == last_id


def test_a_block_that_is_too_long_without_data_is_no_frame() -> None:
    assert data_of(b":" * 100 + b"\n\ndata:a\n\n", limit=20) == [b"a"]
    assert data_of(b": heartbeat\n" * 9 + b"\n", limit=20) == []


WEB_PLATFORM_TESTS = {
    "format-bom-2": (BOM + BOM + b"data:1\n\ndata:2\n\ndata:3\n\n", [b"2", b"3"]),
    "format-comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + b"x" * 2048 + b"\rdata:3\n:data:fail\r:" + b"x" * 2048 + b"\ndata:4\n\n",
        [b"1\n2\n3\n4"],
    ),
    "format-field-event-empty": (b"event: \ndata:data\n\n", [b"data"]),
    "format-field-parsing": (
        b"\n".join([b"data:\0", b"data:  2\rData:1", b"data\0:2", b"data:1\r\0data:4", b"da-ta:3\rdata_5"])
        + b"\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        [b"\0\n 2\n1\n3\n\n4"],
    ),
    "format-field-unknown": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        [b"test\n\ntest"],
    ),
    "format-leading-space": (b"data:\ttest\rdata: \ndata:test\n\n", [b"\ttest\n\ntest"]),
    "format-newlines": (b"data:test\r\ndata\ndata:test\r\n\r", [b"test\n\ntest"]),
}

PEERS = {
    "httpx-sse 34: a line ends at U+2028": ("data:a\u2028b\n\n".encode(), ["a\u2028b".encode()]),
    "httpx-sse 35: a heartbeat is an event once an id was seen": (
        b"id:1\ndata:a\n\n: ping\n\nid:2\ndata:b\n\n",
        [b"a", b"b"],
    ),
    "eventsource-parser 17: CR and LF in two chunks are two lines": (
        b"data:A\r\ndata:B\rdata:C\r\n\r\n",
        [b"A\nB\nC"],
    ),
    "whatwg/html 4411: CR, LF is one end": (b"data:1\rdata:2\r\n\n", [b"1\n2"]),
    "eventsource 326: CRLF after a field, LF after the others": (b"event:e\r\ndata:a\n\ndata:b\r\n\n", [b"a", b"b"]),
    "okhttp-eventsource 62: `data ` is taken for a field": (b"data \n\ndata:a\n\n", [b"a"]),
    "inaka/EventSource 82: a frame with retry is lost": (b"data:a\nretry:1000\n\n", [b"a"]),
    "deno 23135: a colon in the data cuts it": (b'data:{"a":"b:c"}\n\n', [b'{"a":"b:c"}']),
    "aiohttp-sse-client 11: lines of over 128 KiB raise": (b"data:" + b"x" * 200_000 + b"\n\n", [b"x" * 200_000]),
    "python-utcp 103: a frame that the connection cut is dispatched": (b"data:a\n\ndata:b\n", [b"a"]),
    "btubbs/sseclient 28: blank lines in the data end it": (b"data:a\ndata:\ndata:\ndata:b\n\n", [b"a\n\n\nb"]),
}


@pytest.mark.parametrize(
    ("stream", "expected"), [*WEB_PLATFORM_TESTS.values(), *PEERS.values()], ids=[*WEB_PLATFORM_TESTS, *PEERS]
)
def test_web_platform_tests_and_bugs_of_peers(stream: bytes, expected: list[bytes]) -> None:
    assert data_of(stream) == expected
    for size in (1, 7, 4096):
        chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert data_of(b"", *chunks) == expected  # eventsource-parser 41: an empty chunk comes before the BOM


def test_a_new_connection_keeps_the_last_id_until_it_sends_one() -> None:
    first = parse(b"id:1\ndata:a\n\n")
    second = parse(b"data:b\n\n", last_id=first.last_id)
    assert (second.frames, second.last_id) == ([Frame(b"", b"b", None, False, 8)], b"1")
    assert parse(b"", last_id=b"1").last_id == b"1"
    assert parse(b"id:2\n\n", last_id=b"1").last_id == b"2"


@given(cut_streams(), limits, st.sampled_from([b"", b"9"]))
@example([b"data:a\r", b"\n\r", b"\n", b"data:b\n\n"], 8, b"")
@example([BOM[:1], BOM[1:] + b"dat", b"a:x\r\r\r\n\n"], 4, b"")
def test_however_the_bytes_are_cut_the_frames_are_those_of_the_reference(
    chunks: list[bytes], limit: int, last_id: bytes
) -> None:
    stream = b"".join(chunks)
    expected = reference(stream, limit, last_id)
    assert parse(*chunks, limit=limit, last_id=last_id) == expected
    assert parse(stream, limit=limit, last_id=last_id) == expected
    assert parse(*(bytes([byte]) for byte in stream), limit=limit, last_id=last_id) == expected


@given(cut_streams(), limits)
def test_the_bytes_up_to_the_end_of_a_frame_hold_exactly_the_frames_through_it(chunks: list[bytes], limit: int) -> None:
    stream = b"".join(chunks)
    frames = parse(*chunks, limit=limit).frames
    for number, frame in enumerate(frames, 1):
        assert parse(stream[: frame.end], limit=limit).frames == frames[:number]
        assert parse(stream[: frame.end - 1], limit=limit).frames == frames[: number - 1]


@given(cut_streams())
def test_a_frame_is_returned_by_the_chunk_with_its_end(chunks: list[bytes]) -> None:
    parser, read = FrameParser(LIMIT), 0
    for chunk in chunks:
        assert all(read < frame.end <= read + len(chunk) for frame in parser.feed(chunk))
        read += len(chunk)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")), st.integers(1, 7))
def test_text_survives_cuts_inside_its_characters(text: str, size: int) -> None:
    stream = f"data:{json.dumps(text, ensure_ascii=False)}\n\n".encode()
    [data] = data_of(*(stream[start : start + size] for start in range(0, len(stream), size)))
    assert json.loads(data) == text


NEVER_ENDING = [b"x", b"data:%b\n" % (b"y" * 30), b"data\n", b":\n", b"id:1\n", b"id:" + b"7" * 2045, b"x\r\n"]


@pytest.mark.parametrize("piece", NEVER_ENDING, ids=lambda piece: piece[:8].decode())
def test_memory_is_bounded_by_the_limit_whatever_never_ends(piece: bytes) -> None:
    limit, chunk = 1 << 14, piece * (2048 // len(piece))
    parser = FrameParser(limit)
    parser.feed(b"data:")
    tracemalloc.start()
    for _ in range(100):  # 200 kB, twelve times the limit
        assert parser.feed(chunk) == []
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 3 * limit + 30 * len(chunk)  # a chunk is split into lines, of two bytes in the worst case
    [frame] = parser.feed(b"\n\n\n")
    assert (frame.is_too_long, frame.data) == (True, b"")


def test_a_long_frame_in_small_chunks_takes_linear_time() -> None:
    """The same bytes, as one frame and as 16: a parser that scans or copies what it holds takes 16 times the time."""

    def seconds(frames: int) -> float:
        parser = FrameParser(2 << 20)
        stream = (b"data:" + b"x" * ((1 << 20) // frames - 7) + b"\n\n") * frames
        chunks = [stream[start : start + 10] for start in range(0, len(stream), 10)]
        start_s = time.process_time()
        assert sum(len(parser.feed(chunk)) for chunk in chunks) == frames
        return time.process_time() - start_s

    assert min(seconds(1) for _ in range(3)) < 4 * min(seconds(16) for _ in range(3))
