import hashlib
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from metrics.catalogue.collect.local import LocalFile
from metrics.catalogue.collect.reading import Reading
from metrics.catalogue.collect.sources import sources
from metrics.wording.errors import FileError, SettingsError
from tests.catalogue.collect.collected import MOVIES, PACKERS, collect, zipped
from tests.files.test_lines import open_folder, without_root

CONTENT = random.Random(1).randbytes(1_000_000)  # several pieces, also packed

__all__ = ["open_folder"]


def names(config: str) -> list[str]:
    return [source.name for source in sources(config, None)]


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_is_unpacked_and_hashed_as_stored(suffix: str, tmp_path: Path) -> None:
    stored = PACKERS[suffix](MOVIES)
    path = tmp_path / f"movies.csv{suffix}"
    path.write_bytes(stored)
    found = sources(str(path), None)
    assert Reading(found).digest_ahead() == hashlib.sha256(stored).hexdigest()
    assert collect(found) == (
        [("movies.csv", MOVIES)],
        hashlib.sha256(stored).hexdigest(),
        len(stored),
        len(stored),
    )


def test_several_files_have_one_digest_over_their_stored_bytes_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_bytes(b"second")
    (tmp_path / "a.csv").write_bytes(b"first ")
    found = collect(sources(str(tmp_path), None))
    assert found.parts == [("a.csv", b"first "), ("b.csv", b"second")]
    assert found.sha256 == hashlib.sha256(b"first second").hexdigest()
    assert found.read_bytes == found.size_bytes == 12


def test_of_a_folder_only_visible_files_of_a_known_format_are_read(tmp_path: Path) -> None:
    for name in ("a.csv", "B.JSON", "c.csv.gz", "d.json.zst", "e.zip", ".hidden.csv", "notes.txt", "f.csv.bz2", "csv"):
        (tmp_path / name).touch()
    (tmp_path / "folder.csv").mkdir()
    assert names(str(tmp_path)) == [
        str(tmp_path / name) for name in ("B.JSON", "a.csv", "c.csv.gz", "d.json.zst", "e.zip")
    ]


def test_a_pattern_names_files_also_in_folders_below(tmp_path: Path) -> None:
    (tmp_path / "2021" / "12").mkdir(parents=True)
    for name in ("2021/12/b.csv", "2021/a.csv", "2021/notes.txt"):
        (tmp_path / name).touch()
    assert names(f"{tmp_path}/**/*.csv") == [f"{tmp_path}/2021/12/b.csv", f"{tmp_path}/2021/a.csv"]
    assert names(f"{tmp_path}/2021/*") == [f"{tmp_path}/2021/a.csv", f"{tmp_path}/2021/notes.txt"]


def test_a_file_whose_name_is_a_pattern_is_read_itself(tmp_path: Path) -> None:
    for name in ("movies[1].csv", "movies1.csv"):
        (tmp_path / name).touch()
    assert names(f"{tmp_path}/movies[1].csv") == [f"{tmp_path}/movies[1].csv"]


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ("missing.csv", "missing.csv cannot be read\nwhy: No such file or directory\nhint: name a file, folder or"),
        ("file.csv/x.csv", "file.csv/x.csv cannot be read\nwhy: Not a directory"),
        ("missing/*.csv", "no file matches missing/*.csv"),
        ("empty", "empty contains no file to load\nwhy: no file in this folder has a name that ends in"),
    ],
)
def test_what_is_not_there_is_named_with_a_hint(
    config: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.csv").touch()
    with pytest.raises(FileError) as caught:
        sources(config, None)
    assert str(caught.value).startswith(what)


@pytest.mark.parametrize("config", ["closed.csv", "closed", "closed/*.csv", "closed/a.csv"])
def test_what_must_not_be_read_fails_before_the_load_begins(config: str, open_folder: Path) -> None:
    (open_folder / "closed.csv").touch(0o000)
    (open_folder / "closed").mkdir(0o000)
    with without_root(), pytest.raises(FileError):
        sources(f"{open_folder}/{config}", None)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_file_that_grows_while_it_is_read_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"movies.csv{suffix}"
    path.write_bytes(PACKERS[suffix](CONTENT))
    parts = Reading([LocalFile(path)]).parts()
    assert next(parts).stream.read(5) == CONTENT[:5]
    with path.open("ab") as file:
        file.write(PACKERS[suffix](b"x"))
    with pytest.raises(
        FileError, match=r"changed while it was read\nwhy: it had [\d,]+ bytes, and now has [\d,]+\nhint"
    ):
        next(parts)


def test_a_file_that_is_cut_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "movies.csv"
    path.write_bytes(CONTENT)
    parts = Reading([LocalFile(path)]).parts()
    stream = next(parts).stream
    assert stream.read(5) == CONTENT[:5]
    os.truncate(path, 700_000)
    with pytest.raises(FileError, match="it had 1,000,000 bytes, and now has 700,000"):
        stream.read()


def test_the_end_of_a_changed_file_is_never_reported_to_its_reader(tmp_path: Path) -> None:
    path = tmp_path / "movies.csv"
    path.write_bytes(CONTENT)
    parts = Reading([LocalFile(path)]).parts()
    stream = next(parts).stream
    assert stream.read(5) == CONTENT[:5]
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileError, match="its modification time has changed"):
        stream.read()


def test_an_archive_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    path.write_bytes(zipped({"movies.csv": MOVIES}))
    parts = Reading([LocalFile(path)]).parts()
    next(parts)
    os.utime(path, ns=(1, 1))
    with pytest.raises(FileError, match="changed while it was read"):
        next(parts)


def test_a_file_that_another_one_replaces_is_read_as_it_was(tmp_path: Path) -> None:
    path, after = tmp_path / "movies.csv", tmp_path / "after.csv"
    path.write_bytes(MOVIES * 100_000)
    after.write_bytes(b"other")
    for part in Reading([LocalFile(path)]).parts():
        part.stream.read(5)
        after.rename(path)
        assert len(part.stream.read()) == len(MOVIES) * 100_000 - 5


def test_a_named_pipe_is_read_once_and_has_no_size(tmp_path: Path) -> None:
    path = tmp_path / "movies.csv"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(MOVIES,))
    found = sources(str(path), None)
    assert Reading(found).digest_ahead() is None
    writer.start()
    assert collect(found) == ([("movies.csv", MOVIES)], hashlib.sha256(MOVIES).hexdigest(), len(MOVIES), None)
    writer.join()


@pytest.mark.parametrize("is_pipe", [True, False])
def test_standard_input_is_read_from_a_pipe_and_from_a_file(is_pipe: bool, tmp_path: Path) -> None:
    program = (
        "from metrics.catalogue.collect.sources import sources\n"
        "from metrics.catalogue.collect.reading import Reading\n"
        "reading = Reading(sources('-', 'csv'))\n"
        "assert reading.digest_ahead() is None\n"
        "print([(part.name, part.stream.read()) for part in reading.parts()], reading.size_bytes)"
    )
    (tmp_path / "x").write_bytes(b"a,b\n")
    with (tmp_path / "x").open("rb") as file:
        given: dict[str, Any] = {"input": b"a,b\n"} if is_pipe else {"stdin": file}
        printed = subprocess.check_output([sys.executable, "-c", program], **given)
    assert printed.decode() == f"[('standard input', b'a,b\\n')] {None if is_pipe else 4}\n"


@pytest.mark.parametrize(
    ("config", "collector", "what"),
    [
        (
            "movies.csv",
            "s3",
            "the collector s3 does not read local files\nhint: name s3://…, or leave the collector out",
        ),
        ("ftp://host/movies.csv", "http", "the collector http does not read ftp://\nhint: name http://… and https://…"),
        ("s3://bucket/key", "ftp", "the collector ftp does not read s3://"),
        ("movies.csv", "xml", "there is no collector xml\nhint: use csv, json, s3, ftp and http"),
        (
            "gopher://host/x",
            None,
            "there is no collector for gopher://\nhint: name a path, or a URL that begins with s3://",
        ),
        ("sftp://host/x", "csv", "there is no collector for sftp://"),
    ],
)
def test_a_collector_that_does_not_fit_is_refused(config: str, collector: str | None, what: str) -> None:
    with pytest.raises(SettingsError) as caught:
        sources(config, collector)
    assert str(caught.value).startswith(what)
