import contextlib
import gzip
import lzma
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.files import paths
from metrics.files.line_reader import Lines
from metrics.files.line_writer import writing
from metrics.wording.errors import FileError, SettingsError

NAMES = ("frames.jsonl", "frames.jsonl.gz", "frames.jsonl.xz", "frames.jsonl.zst")
PACKED = NAMES[1:]
LIMIT_BYTES = 4_194_304


def pack(name: str, content: bytes) -> bytes:
    """Pack with the library itself, apart from the code under test."""
    if name.endswith(".gz"):
        return gzip.compress(content)
    if name.endswith(".xz"):
        return lzma.compress(content)
    return zstandard.ZstdCompressor(write_checksum=True).compress(content) if name.endswith(".zst") else content


def unpack(name: str, content: bytes) -> bytes:
    if name.endswith(".gz"):
        return gzip.decompress(content)
    if name.endswith(".xz"):
        return lzma.decompress(content)
    return zstandard.ZstdDecompressor().decompressobj().decompress(content) if name.endswith(".zst") else content


def read(path: Path) -> list[bytes]:
    reader = Lines([path], LIMIT_BYTES)
    return list(reader)


def write(path: Path, frames: list[bytes]) -> None:
    with writing(path) as write_line:
        for frame in frames:
            write_line(frame)


def read_into(found: list[bytes], path: Path) -> None:
    reader = Lines([path], LIMIT_BYTES)
    found.extend(reader)


def fail_while_reading(path: Path, error: BaseException) -> None:
    reader = Lines([path], LIMIT_BYTES)
    for _ in reader:
        raise error


def fail_while_writing(path: Path, error: BaseException) -> None:
    with writing(path) as write_line:
        write_line(noise(2_000_000))
        raise error


def noise(size_bytes: int) -> bytes:
    """Return bytes that cannot be packed, without a newline."""
    return random.Random(1).randbytes(size_bytes).replace(b"\n", b"\r")


@contextlib.contextmanager
def without_root() -> Iterator[None]:
    """Give up root's right to open everything, if the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextlib.contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow larger."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Make a folder that everyone may use, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        yield Path(name)


# reading


@pytest.mark.parametrize("name", NAMES)
def test_lines_end_at_newline_bytes_and_nothing_else_is_taken_from_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(pack(name, b'{"a":1}\r\n\n \x0b\x0c\x85\xe2\x80\xa8\x00\n\xff\xfe\nlast'))
    assert read(path) == [b'{"a":1}\r', b"", b" \x0b\x0c\x85\xe2\x80\xa8\x00", b"\xff\xfe", b"last"]


@pytest.mark.parametrize(
    ("content", "frames"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"\n\n", [b"", b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"a\n\n", [b"a", b""]),
    ],
)
@pytest.mark.parametrize("name", NAMES)
def test_every_newline_ends_a_frame_and_the_last_line_needs_none(
    name: str, content: bytes, frames: list[bytes], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(pack(name, content))
    assert read(path) == frames


@pytest.mark.parametrize("name", ["frames", "frames.txt", "frames.json", "frames.jsonl.bz2", "frames.gz.jsonl"])
def test_an_unknown_suffix_is_read_and_written_as_plain_text(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, [b"a", b"b"])
    assert path.read_bytes() == b"a\nb\n"
    assert read(path) == [b"a", b"b"]


def test_a_suffix_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "FRAMES.JSONL.GZ"
    write(path, [b"a"])
    assert gzip.decompress(path.read_bytes()) == b"a\n"
    assert read(path) == [b"a"]


@pytest.mark.parametrize("name", PACKED)
def test_packed_pieces_written_one_after_another_are_one_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(pack(name, b"one\ntw") + pack(name, b"") + pack(name, b"o\n" + b"x" * 3_000_000 + b"\nlast\n"))
    assert read(path) == [b"one", b"two", b"x" * 3_000_000, b"last"]


@pytest.mark.parametrize("name", PACKED)
def test_garbage_or_a_corrupt_stream_after_the_first_one_of_a_packed_file_is_an_error(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    first, second = pack(name, b"one\n"), bytearray(pack(name, b"two\n"))
    second[1] ^= 0xFF  # of its header
    for rest in (b"garbage", b"{}\n", bytes(second), pack(name, b"two\n")[:-5]):
        path.write_bytes(first + rest)
        with pytest.raises(FileError, match="is corrupt"):
            read(path)


def test_padding_between_and_after_streams_of_xz_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl.xz"
    path.write_bytes(pack(path.name, b"one\n") + bytes(8_192) + pack(path.name, b"two\n") + bytes(4))
    assert read(path) == [b"one", b"two"]


def test_skippable_frames_of_zstd_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl.zst"
    to_skip = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    path.write_bytes(to_skip + pack(path.name, b"a\n") + to_skip + pack(path.name, b"b\n"))
    assert read(path) == [b"a", b"b"]


@pytest.mark.parametrize("name", NAMES)
def test_lines_report_how_much_of_the_file_on_disk_has_been_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, [noise(1_000)] * 10_000 if name == "frames.jsonl" else [noise(500_000)[:400_000]] * 20)
    size_bytes = path.stat().st_size
    reader = Lines([path], LIMIT_BYTES)
    assert reader.size_bytes == size_bytes
    assert reader.read_bytes == 0
    seen = [reader.read_bytes for _ in reader]
    assert seen == sorted(seen)
    assert seen[0] > 0
    assert reader.read_bytes == size_bytes


def test_a_large_file_is_not_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    write(path, [noise(2_000)] * 10_000)
    reader = Lines([path], LIMIT_BYTES)
    next(iter(reader))
    assert 0 < reader.read_bytes < 5_000_000


def test_a_small_zstd_file_that_unpacks_to_300_mb_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl.zst"
    path.write_bytes(pack(path.name, (b"x" * 999 + b"\n") * 300_000))
    assert path.stat().st_size < 40_000
    tracemalloc.start()
    try:
        reader = Lines([path], LIMIT_BYTES)
        assert sum(frame == b"x" * 999 for frame in reader) == 300_000
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 100_000_000


@pytest.mark.parametrize("name", PACKED)
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.3, 0.9, 0.999_99])
def test_a_packed_file_that_was_cut_off_is_an_error_after_its_whole_frames(
    name: str, kept: float, tmp_path: Path
) -> None:
    frames = [noise(3_000)[index : index + 1_000] for index in range(2_000)]
    path = tmp_path / name
    whole = pack(name, b"\n".join(frames))
    path.write_bytes(whole[: int(len(whole) * kept)])
    found: list[bytes] = []
    with pytest.raises(FileError, match="is corrupt, truncated, or not what its name says") as caught:
        read_into(found, path)
    assert found == frames[: len(found)]
    assert len(found) < 2_000
    assert str(path) in caught.value.what
    assert caught.value.why
    assert ".gz, .xz and .zst are decompressed" in caught.value.hint


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_file_with_a_wrong_byte_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, [noise(50_000)])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)
    with pytest.raises(FileError, match="is corrupt"):
        read(path)


@pytest.mark.parametrize("name", PACKED)
def test_plain_text_under_a_packed_name_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(b'{"ts":1,"uid":"a"}\n' * 1_000)
    with pytest.raises(FileError, match="not what its name says"):
        read(path)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_does_not_exist_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(FileError) as caught:
        read(path)
    assert str(caught.value).splitlines() == [
        f"{path} cannot be read",
        "why: No such file or directory",
        "hint: name an existing file",
    ]


def test_reading_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        read(tmp_path)
    assert caught.value.why == "Is a directory"
    assert caught.value.hint == "name one of the files in it"


def test_reading_what_is_not_allowed_is_an_error(open_folder: Path) -> None:
    path = open_folder / "frames.jsonl"
    path.write_bytes(b"a\n")
    path.chmod(0)
    with without_root(), pytest.raises(FileError) as caught:
        read(path)
    assert caught.value.why == "Permission denied"
    assert caught.value.hint == "allow reading it, or name another file"


def test_an_error_raised_while_reading_is_passed_on_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl.gz"
    write(path, [b"a"])
    with pytest.raises(EOFError, match="mine"):
        fail_while_reading(path, EOFError("mine"))


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_is_read_like_a_file_without_a_size(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    os.mkfifo(path)
    content = pack(name, (noise(2_000) + b"\n") * 1_000)
    feeder = threading.Thread(target=path.write_bytes, args=[content])
    feeder.start()
    reader = Lines([path], LIMIT_BYTES)
    assert reader.size_bytes is None
    assert list(reader) == [noise(2_000)] * 1_000
    assert reader.read_bytes == len(content)
    feeder.join()


def test_lines_of_a_pipe_are_yielded_as_soon_as_they_arrive() -> None:
    ours, theirs = os.pipe()
    path = Path(f"/dev/fd/{ours}")
    batches = Lines([path], LIMIT_BYTES).batches(path)
    os.write(theirs, b"one\ntwo\nthr")
    assert next(batches) == [b"one", b"two"]
    os.write(theirs, b"ee\n\nfour")
    assert next(batches) == [b"three", b""]
    os.close(theirs)
    assert list(batches) == [[b"four"]]
    os.close(ours)


def test_a_line_of_any_length_is_one(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    frames = [noise(size_bytes) for size_bytes in (10, 3_000_000, 262_143, 262_144, 262_145, 10)]
    write(path, frames)
    assert read(path) == frames


def test_batches_are_small_whatever_the_file(tmp_path: Path) -> None:
    for name in NAMES:
        path = tmp_path / name
        write(path, [b"x" * 999] * 10_000)
        sizes = [sum(map(len, lines)) for lines in Lines([path], LIMIT_BYTES).batches(path)]
        assert sum(sizes) == 9_990_000
        assert max(sizes) < 300_000


# paths that mean files


def test_a_folder_means_its_files_of_lines_by_name_and_a_file_means_itself(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl.zst", "c.jsonl.gz", "a.jsonl.xz", ".hidden.jsonl", "notes.txt", "d.jsonl.1.part"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jsonl").mkdir()
    listed = [tmp_path / name for name in ("a.jsonl.xz", "a.jsonl.zst", "b.jsonl", "c.jsonl.gz")]
    notes, standard_input = tmp_path / "notes.txt", Path("-")
    assert paths.expanded([notes, tmp_path, standard_input, notes], "") == [notes, *listed, standard_input, notes]


def test_standard_input_can_be_given_only_once() -> None:
    with pytest.raises(SettingsError, match="standard input is given twice"):
        paths.expanded([paths.STANDARD_INPUT, paths.STANDARD_INPUT], "")


def test_a_path_without_a_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="hint: name an existing file, or generate one: metrics generate") as missing:
        paths.expanded([tmp_path / "nowhere"], "metrics generate")
    assert missing.value.what == f"{tmp_path / 'nowhere'} cannot be read"
    (tmp_path / ".hidden.jsonl").touch()
    with pytest.raises(FileError, match="contains no file of JSON lines"):
        paths.expanded([tmp_path], "")


def test_an_unreadable_folder_is_an_error(open_folder: Path) -> None:
    open_folder.chmod(0)
    with without_root(), pytest.raises(FileError, match="why: Permission denied"):
        paths.expanded([open_folder], "")
    open_folder.chmod(0o777)


# writing


@pytest.mark.parametrize("name", NAMES)
def test_other_programs_unpack_what_is_written(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    write(path, [b'{"a":1}', b"", b"\r \xff"])
    assert unpack(name, path.read_bytes()) == b'{"a":1}\n\n\r \xff\n'
    assert list(tmp_path.iterdir()) == [path]


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(NAMES),
    frames=st.lists(
        st.binary(max_size=5_000).map(lambda line: line.replace(b"\n", b"")) | st.just(b"x" * 1_100_000), max_size=20
    ),
)
def test_written_lines_are_read_back(name: str, frames: list[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / name
    write(path, frames)
    assert read(path) == frames


@pytest.mark.parametrize("name", NAMES)
def test_equal_frames_make_equal_files_whatever_their_names_and_the_time(name: str, tmp_path: Path) -> None:
    write(tmp_path / f"one-{name}", [b"a", b"b"])
    write(tmp_path / f"two-{name}", [b"a", b"b"])
    assert (tmp_path / f"one-{name}").read_bytes() == (tmp_path / f"two-{name}").read_bytes()
    if name.endswith(".gz"):  # no name (flags) and no time in the header
        assert (tmp_path / f"one-{name}").read_bytes()[3:8] == bytes(5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_an_error_inside_leaves_only_the_old_file_unchanged(
    name: str, error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")
    with pytest.raises(error, match="mine"):
        fail_while_writing(path, error("mine"))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_until_the_end_no_file_could_be_mistaken_for_a_complete_one(tmp_path: Path) -> None:
    with writing(tmp_path / "stream.jsonl") as write_line:
        write_line(noise(2_000_000))
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        assert paths.files_in(tmp_path) == []
    assert paths.files_in(tmp_path) == [tmp_path / "stream.jsonl"]


def test_a_complete_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    path.write_bytes(b"old")
    write(path, [b"new"])
    assert path.read_bytes() == b"new\n"


def test_a_link_stays_and_the_file_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "large-disk").mkdir()
    link = tmp_path / "stream.jsonl"
    link.symlink_to("large-disk/frames")
    write(link, [b"a"])
    write(link, [b"b"])
    assert link.is_symlink()
    assert (tmp_path / "large-disk" / "frames").read_bytes() == b"b\n"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    os.mkfifo(path)
    received: list[bytes] = []
    receiver = threading.Thread(target=lambda: received.append(path.read_bytes()))
    receiver.start()
    write(path, [b"a", b"b"])
    receiver.join()
    assert received == [b"a\nb\n"]
    assert path.is_fifo()


def test_ctrl_c_in_the_middle_of_a_long_run_leaves_an_empty_folder(tmp_path: Path) -> None:
    program = (
        "import itertools, pathlib, sys\n"
        "from metrics.files.line_writer import writing\n"
        "with writing(pathlib.Path(sys.argv[1])) as write_line:\n"
        "    for number in itertools.count():\n"
        "        write_line(b'%d' % (number % 1000))\n"
        "        if number == 1_000_000: print('running', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "stream.jsonl")],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"running\n"
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert b"KeyboardInterrupt" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_frame_with_a_newline_inside_is_a_fault_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="it is one line"):
        write(tmp_path / "frames.jsonl", [b"a\nb"])


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_is_an_error_and_leaves_no_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    frames = [noise(100_000)] * 3 + [noise(4_000_000)]
    with pytest.raises(FileError) as caught, room_for(2_000_000):
        write(path, frames)
    assert caught.value.what == f"{path} cannot be written"
    assert caught.value.why == "File too large"
    assert caught.value.hint == "write fewer lines, or compress them: a name that ends in .zst takes a tenth"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_disk_that_is_full_only_at_the_end_is_an_error_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(FileError, match="cannot be written"), room_for(10_000):
        write(path, [noise(20_000)])
    assert list(tmp_path.iterdir()) == []


def test_writing_to_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "frames.jsonl"
    with pytest.raises(FileError) as caught:
        write(path, [])
    assert str(caught.value).splitlines() == [
        f"{path} cannot be written",
        "why: No such file or directory",
        "hint: create the folder first, or name another",
    ]


def test_writing_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="why: Not a directory"):
        write(tmp_path / "file" / "frames.jsonl", [])


def test_writing_to_the_name_of_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        write(tmp_path, [])
    assert caught.value.why == "Is a directory"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o666), (0o777, 0o444)])
def test_writing_where_it_is_not_allowed_is_an_error(folder_mode: int, file_mode: int, open_folder: Path) -> None:
    path = open_folder / "frames.jsonl"
    path.write_bytes(b"old")
    path.chmod(file_mode)
    open_folder.chmod(folder_mode)
    with without_root(), pytest.raises(FileError) as caught:
        write(path, [b"new"])
    assert caught.value.why == "Permission denied"
    assert caught.value.hint == "allow writing there, or name another place"
    assert path.read_bytes() == b"old"
    open_folder.chmod(0o777)


# several files


def test_several_files_are_read_one_after_another_by_all_their_bytes(tmp_path: Path) -> None:
    names = ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst")
    for name in names:
        (tmp_path / name).write_bytes(pack(name, b"first\nof %b" % name.encode()))  # the last line is not ended
    frames = Lines([tmp_path / name for name in names], LIMIT_BYTES)
    assert list(frames) == [line for name in names for line in (b"first", b"of %b" % name.encode())]
    assert frames.read_bytes == frames.size_bytes == sum((tmp_path / name).stat().st_size for name in names)


def test_a_missing_file_is_an_error_before_any_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(FileError, match=r"b\.jsonl"):
        Lines([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], LIMIT_BYTES)
    with pytest.raises(FileError, match="one of the files in it"):
        Lines([tmp_path], LIMIT_BYTES)


@contextlib.contextmanager
def as_another_user() -> Iterator[None]:
    """Be a user who is not root for a while: root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("mode", [0o000, 0o111, 0o444], ids=["neither", "to be entered", "to be listed"])
def test_an_unreadable_folder_is_an_error_and_not_empty(mode: int) -> None:
    with tempfile.TemporaryDirectory() as above:
        Path(above).chmod(0o755)
        folder = Path(above, "data")
        folder.mkdir()
        (folder / "frames.jsonl").touch()
        folder.chmod(mode)
        try:
            with as_another_user(), pytest.raises(FileError, match="cannot be read") as refused:
                paths.files_in(folder)
            with as_another_user(), pytest.raises(FileError, match="cannot be read"):
                paths.expanded([folder], "")
        finally:
            folder.chmod(0o755)
        assert refused.value.why == "Permission denied"
