"""Lines of a body that comes in pieces: plain, compressed, cut, corrupt, and bombs."""

import gzip
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.views.taking.lines import LINES_AT_ONCE, ZSTD_WINDOW_BYTES, BrokenBodyError, LinesOfBody
from tests.examples import examples

LIMIT = 20
PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
MIB = 1 << 20


def shortened(lines: Iterable[bytes], limit: int = LIMIT) -> list[bytes]:
    """Return lines as they are compared: how much of one that is too long remains is open."""
    return [line[: limit + 1] for line in lines]


def read(encoding: str, pieces: Iterable[bytes], limit: int = LIMIT) -> list[bytes]:
    body = LinesOfBody(encoding, limit)
    lines = [line for piece in pieces for some in body.feed(piece) for line in some]
    return shortened(lines + [line for some in body.end() for line in some], limit)


def split(text: bytes) -> list[bytes]:
    """Return the lines of a text by the rules, plainly."""
    lines = text.split(b"\n")
    return shortened(lines if lines[-1] else lines[:-1])


def cut(text: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(text) + 1) for place in places} | {len(text)})
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


TEXTS = st.lists(st.binary(max_size=60) | st.sampled_from([b"\n", b"{}\r\n", b"\n\n", b"a" * 19 + b"\n"])).map(b"".join)


@settings(max_examples=examples(500))
@given(TEXTS, TEXTS, st.sampled_from([*PACK]), st.lists(st.integers(0, 400)))
def test_lines_are_the_same_however_a_body_is_packed_and_cut(
    first: bytes, second: bytes, encoding: str, places: list[int]
) -> None:
    packed = PACK[encoding](first) + PACK[encoding](second)  # two streams in a row are one body
    assert read(encoding, cut(packed, places)) == split(first + second)


@settings(max_examples=examples(200))
@given(TEXTS, st.sampled_from(["gzip", "zstd"]), st.integers(1, 400))
def test_a_truncated_body_yields_a_prefix_of_its_lines_and_an_error(text: bytes, encoding: str, missing: int) -> None:
    packed = PACK[encoding](text)
    body, lines = LinesOfBody(encoding, LIMIT), list[bytes]()
    for some in body.feed(packed[: -min(missing, len(packed))]):
        lines += some
    with pytest.raises(BrokenBodyError, match="ends before its compressed data does"):
        next(body.end())
    assert shortened(lines) == split(text)[: len(lines)]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_what_is_not_compressed_is_an_error_after_the_lines_before(encoding: str) -> None:
    lines = LinesOfBody(encoding, LIMIT).feed(PACK[encoding](b"a\nb\n") + b"c\n")
    assert next(lines) == [b"a", b"b"]
    with pytest.raises(BrokenBodyError, match="the body cannot be unpacked: "):
        next(lines)


def test_zeros_after_a_gzip_body_are_no_error() -> None:
    assert read("gzip", [gzip.compress(b"a\n"), b"\0\0", b"\0"]) == [b"a"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("text", [b"x" * 99 + b"\n", b"{}\n", b"\n"])
def test_a_bomb_is_unpacked_in_small_steps_up_to_a_limit(encoding: str, text: bytes) -> None:
    packed = PACK[encoding](text * (16 * MIB // len(text)))
    body, numbers = LinesOfBody(encoding, 99), list[int]()
    tracemalloc.start()
    with pytest.raises(BrokenBodyError, match="the body unpacks to more than 250 times its size"):
        numbers.extend(map(len, body.feed(packed)))
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(numbers) <= LINES_AT_ONCE
    assert sum(numbers) * len(text) <= max(4 * MIB, 250 * len(packed))
    assert most_bytes < 10 * MIB


def test_a_body_that_expands_much_but_not_absurdly_is_read_whole() -> None:
    ids = random.Random(1)
    lines = (b'{"EventId":"%s","Title":"%s"}\n' % (ids.randbytes(8).hex().encode(), b"t" * 900) for _ in range(9_000))
    text = b"".join(lines)
    packed = zstandard.compress(text)
    assert len(text) > 50 * len(packed)
    assert len(read("zstd", [packed], limit=2_000)) == 9_000


def test_a_zstd_body_that_needs_much_memory_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=ZSTD_WINDOW_BYTES.bit_length())
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    with pytest.raises(BrokenBodyError, match="too much memory"):
        read("zstd", [packer.compress(b"a\n" * 10 * MIB) + packer.flush()])


def test_a_full_step_of_a_gzip_body_leaves_nothing_behind() -> None:
    # Cut near its end, so that no further bytes bring out what a full step leaves in the decompressor.
    for size in range((1 << 18) - 4, (1 << 18) + 13, 4):
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        packed = packer.compress(b"abc\n" * (size // 4)) + packer.flush()
        for cut in (8, 9, 10):
            plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(packed[:-cut])
            found = [line for some in LinesOfBody("gzip", LIMIT).feed(packed[:-cut]) for line in some]
            assert len(found) == plain.count(b"\n"), (size, cut)
