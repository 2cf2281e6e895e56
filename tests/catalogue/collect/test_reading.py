import hashlib
import io
import random
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.collect.local import LocalFile
from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.source import Source, check_length
from metrics.wording.errors import FileError
from tests.catalogue.collect.collected import MOVIES, PACKERS, collect, finish, zipped

CONTENT = random.Random(1).randbytes(600_000)  # cannot be packed, so that a cut anywhere loses contents


class Pieces(Source):
    """Bytes in pieces of a given size, as from a network: they cannot be read twice."""

    def __init__(self, path_name: str, stored: bytes, piece_bytes: int = 1_000, error: Exception | None = None) -> None:
        super().__init__(f"test://{path_name}", path_name, len(stored))
        self._stored = stored
        self._piece_bytes = piece_bytes
        self._error = error

    def pieces(self) -> Generator[bytes, None, None]:
        for start in range(0, len(self._stored), self._piece_bytes):
            yield self._stored[start : start + self._piece_bytes]
        if self._error is not None:
            raise self._error


def local_or_streamed(is_local: bool, path_name: str, stored: bytes, folder: Path) -> Source:
    if not is_local:
        return Pieces(path_name, stored)
    (folder / path_name).write_bytes(stored)
    return LocalFile(folder / path_name)


@given(
    contents=st.lists(st.tuples(st.sampled_from(list(PACKERS)), st.binary(max_size=50)), max_size=4),
    piece_bytes=st.integers(1, 60),
    is_read=st.booleans(),
)
def test_however_the_pieces_are_cut_the_parts_are_the_contents_and_the_digest_that_of_all_bytes(
    contents: list[tuple[str, bytes]], piece_bytes: int, is_read: bool
) -> None:
    stored = [PACKERS[suffix](content) for suffix, content in contents]
    sources = [Pieces(f"{n}.csv{suffix}", stored[n], piece_bytes) for n, (suffix, _) in enumerate(contents)]
    reading = Reading(sources)
    found = [(part.path_name, part.stream.read() if is_read else None) for part in reading.parts()]
    assert found == [(f"{n}.csv", content if is_read else None) for n, (_, content) in enumerate(contents)]
    assert reading.read_bytes == reading.size_bytes == sum(map(len, stored))
    assert reading.sha256 == hashlib.sha256(b"".join(stored)).hexdigest()


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_no_reader_sees_the_end_of_a_source_that_fails_after_its_last_byte(suffix: str) -> None:
    stored = zipped({"a.csv": MOVIES}) if suffix == ".zip" else PACKERS[suffix](MOVIES)
    parts = Reading([Pieces(f"a.csv{suffix}", stored, 7, FileError("cut"))]).parts()
    with pytest.raises(FileError, match="cut"):
        next(parts).stream.read()


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_a_source_that_fails_after_what_its_reader_needs_fails_the_reading(suffix: str) -> None:
    stored = zipped({"a.csv": MOVIES}) if suffix == ".zip" else PACKERS[suffix](MOVIES)
    reading = Reading([Pieces(f"a.csv{suffix}", stored, 7, FileError("cut"))])
    with pytest.raises(FileError, match="cut"):
        finish(reading)
    with pytest.raises(AssertionError):
        _ = reading.sha256


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zst", ".zip"])
@pytest.mark.parametrize("is_read", [True, False])
def test_a_packed_file_that_is_cut_anywhere_or_changed_is_refused(
    suffix: str, is_local: bool, is_read: bool, tmp_path: Path
) -> None:
    stored = zipped({"a.csv": CONTENT}) if suffix == ".zip" else PACKERS[suffix](CONTENT)
    middle = len(stored) // 2
    changed = stored[:middle] + bytes([stored[middle] ^ 0xFF]) + stored[middle + 1 :]
    cuts = [stored[:length] for length in (0, 1, 10, middle, len(stored) - 8, len(stored) - 1)]
    for broken in [*cuts, changed, stored + b"trailing", b"a,b\n1,2\n"]:
        if suffix == ".zip" and broken == stored + b"trailing":
            continue  # an archive may have more bytes after it
        source = local_or_streamed(is_local, f"movies.csv{suffix}", broken, tmp_path)
        with pytest.raises(FileError, match=r"movies\.csv.* is corrupt, truncated, or not what its name says"):
            collect([source]) if is_read else finish(Reading([source]))


@pytest.mark.parametrize("is_local", [True, False])
def test_the_members_of_an_archive_are_parts_in_their_order(is_local: bool, tmp_path: Path) -> None:
    stored = zipped(
        {
            "dump/b.csv": b"second",
            "a.csv": b"first",
            "README.txt": b"no part",
            "__MACOSX/a.csv": b"no part",
            ".hidden/a.csv": b"no part",
            "dump/": b"",
            "c.json.gz": PACKERS[".gz"](b"third"),
        }
    )
    source = local_or_streamed(is_local, "all.zip", stored, tmp_path)
    reading = Reading([source])
    names = [(part.name.removeprefix(source.name), part.path_name, part.stream.read()) for part in reading.parts()]
    assert names == [
        (": dump/b.csv", "b.csv", b"second"),
        (": a.csv", "a.csv", b"first"),
        (": c.json.gz", "c.json", b"third"),
    ]
    assert (reading.sha256, reading.read_bytes) == (hashlib.sha256(stored).hexdigest(), len(stored))


def test_the_progress_in_a_local_archive_is_that_of_its_members(tmp_path: Path) -> None:
    stored = zipped({f"{number}.csv": CONTENT for number in range(4)})
    (tmp_path / "all.zip").write_bytes(stored)
    reading = Reading([LocalFile(tmp_path / "all.zip")])
    seen = []
    for part in reading.parts():
        part.stream.read()
        seen.append(round(reading.read_bytes / len(stored), 2))
    assert seen == [0.25, 0.5, 0.75, 1.0]
    assert reading.read_bytes == len(stored)


@pytest.mark.parametrize("length_bytes", [5, 7, 0])
def test_pieces_of_another_length_than_the_server_said_are_refused_at_their_end(length_bytes: int) -> None:
    pieces = check_length("test://a", iter([b"abc", b"def"]), length_bytes)
    assert [next(pieces), next(pieces)] == [b"abc", b"def"]
    with pytest.raises(FileError, match=f"test://a is incomplete\nwhy: 6 of {length_bytes} bytes came"):
        next(pieces)
    assert (
        list(check_length("test://a", [b"abc", b"def"], 6))
        == list(check_length("a", [b"abc", b"def"], None))
        == [b"abc", b"def"]
    )


def test_the_only_member_of_an_archive_may_have_any_name() -> None:
    assert collect([Pieces("all.zip", zipped({"movies": MOVIES}))]).parts == [("movies", MOVIES)]


def encrypted() -> bytes:
    """Return an archive whose member is marked as encrypted, in both of its headers."""
    stored = bytearray(zipped({"a.csv": MOVIES}))
    stored[6] |= 1
    stored[stored.index(b"PK\x01\x02") + 8] |= 1
    return bytes(stored)


def of_an_unknown_compression() -> bytes:
    stored = bytearray(zipped({"a.csv": MOVIES}))
    stored[8] = stored[stored.index(b"PK\x01\x02") + 10] = 98  # PPMd
    return bytes(stored)


@pytest.mark.parametrize(
    ("stored", "what"),
    [
        (encrypted(), "test://all.zip is encrypted\nwhy: a.csv in it needs a password\nhint: unpack it"),
        (zipped({"in.zip": zipped({"a.csv": MOVIES})}), "test://all.zip contains another archive, in.zip"),
        (zipped({"a.csv": b"", "in.zip": b""}), "test://all.zip contains another archive, in.zip"),
        (zipped({}), "test://all.zip contains no file to load"),
        (zipped({"a.txt": b"", "b.txt": b""}), "test://all.zip contains no file to load"),
        (of_an_unknown_compression(), "test://all.zip: a.csv is corrupt, truncated, or not what its name says"),
    ],
)
def test_an_archive_that_cannot_be_loaded_says_why(stored: bytes, what: str) -> None:
    with pytest.raises(FileError) as caught:
        collect([Pieces("all.zip", stored)])
    assert str(caught.value).startswith(what)


def test_nothing_of_an_archive_is_read_before_all_members_are_known_to_be_readable() -> None:
    stored = zipped({"a.csv": MOVIES, "in.zip": b""})
    with pytest.raises(FileError):
        next(Reading([Pieces("all.zip", stored)]).parts())


def test_a_reader_may_wrap_and_close_the_stream_of_a_part() -> None:
    reading = Reading([Pieces("a.csv.gz", PACKERS[".gz"](CONTENT), error=FileError("cut"))])
    parts = reading.parts()
    with io.TextIOWrapper(next(parts).stream, "latin-1") as text:
        assert text.read(1) == chr(CONTENT[0])
    with pytest.raises(FileError, match="cut"):
        next(parts)


@pytest.mark.parametrize("suffix", [*PACKERS, ".zip"])
def test_a_stream_whose_turn_is_over_fails_instead_of_ending(suffix: str) -> None:
    stored = zipped({"a.csv": CONTENT}) if suffix == ".zip" else PACKERS[suffix](CONTENT)
    parts = Reading([Pieces(f"a.csv{suffix}", stored), Pieces("b.csv", b"")]).parts()
    first = next(parts).stream
    next(parts)
    with pytest.raises(ValueError, match="closed file"):
        first.read()


def test_an_archive_of_a_large_member_is_read_without_a_copy_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.csv", "w", force_zip64=True) as member:
        for _ in range(50):
            member.write(bytes(1 << 20))
    tracemalloc.start()
    try:
        for part in Reading([LocalFile(path)]).parts():
            while part.stream.read(1 << 18):
                pass
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_bytes < 4 << 20
