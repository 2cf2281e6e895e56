"""The runs that are finished, as they are read from their files."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from metrics.harvest.archive.finish import finish
from metrics.harvest.archive.folders import DamagedRunError, Folders
from metrics.harvest.archive.lock import lock_folder
from metrics.harvest.archive.runs import (
    NoRunError,
    list_runs,
    read_events,
    read_head,
    read_report,
    require_run,
    run_names,
)
from metrics.harvest.core.journal import Stopped
from metrics.harvest.core.rows import cells
from metrics.wording.errors import FileError
from tests.harvest.archive.recorded import START_US, Recorder

NEWER, OLDER, LATER_MS = "20231207_170121", "20231207_170121_2", "20231207_170121_10"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Recorder]]:
    """Three runs of one name's second; the clock was set back before the second one."""
    root, recorders = tmp_path_factory.mktemp("harvest"), {}
    with lock_folder(Folders(root)) as folders:
        for run, started_us in ((NEWER, START_US + 3_000), (OLDER, START_US), (LATER_MS, START_US)):
            folders.raw_run(run).mkdir()
            recorders[run] = Recorder(folders.raw_run(run), started_us % 97, frames=6, run=run, started_us=started_us)
            recorders[run].record(Stopped(at_us=started_us + 20_000_000, by="time"))
            finish(folders, run)
    return root, recorders


@pytest.fixture
def folders(finished: tuple[Path, dict[str, Recorder]], tmp_path: Path) -> Folders:
    return Folders(shutil.copytree(finished[0], tmp_path / "data"))


def test_runs_are_listed_by_their_start_the_newest_first(folders: Folders) -> None:
    assert [head.run for head in list_runs(folders).heads] == [NEWER, LATER_MS, OLDER]
    assert list_runs(folders).unreadable == {}
    assert require_run(folders, OLDER) == OLDER
    assert sorted(run_names(folders)) == sorted([NEWER, OLDER, LATER_MS])


def test_a_head_is_the_report_without_its_answers(folders: Folders) -> None:
    head, report = read_head(folders, NEWER), read_report(folders, NEWER)
    assert {name: getattr(report, name) for name in head.__struct_fields__} == {
        name: getattr(head, name) for name in head.__struct_fields__
    }
    assert sum(len(user.events) for user in report.reports.users) == head.events > 0


def test_the_events_of_a_run_are_those_of_its_processed_file(
    folders: Folders, finished: tuple[Path, dict[str, Recorder]]
) -> None:
    expected = [row for _, row in sorted(finished[1][OLDER].rows.items())]
    assert [cells(event) for event in read_events(folders, OLDER)] == expected


def test_files_that_are_not_of_a_run_are_ignored(folders: Folders) -> None:
    for name in ("report_old.json", f"report_{NEWER}.json.0123abcd.part", f"report_{NEWER}_x.json", "notes.txt"):
        (folders.report / name).write_bytes(b"mine")
    assert len(list_runs(folders).heads) == 3


def test_what_remains_of_a_run_is_served(folders: Folders) -> None:
    shutil.rmtree(folders.archive)
    folders.processed_file(NEWER).unlink()
    assert require_run(folders, NEWER) == NEWER
    assert read_report(folders, NEWER).run == NEWER
    with pytest.raises(DamagedRunError, match=rf"processed_{NEWER}\.csv cannot be read") as raised:
        list(read_events(folders, NEWER))
    replay = f"python app.py harvest replay {folders.archive_run(NEWER)} > {folders.processed_file(NEWER)}"
    assert raised.value.hint == f"write it again: {replay}"
    assert len(list(read_events(folders, OLDER))) == read_head(folders, OLDER).events


@pytest.mark.parametrize("run", [NEWER, "20991231_000000", "../report/x", ""])
def test_a_run_without_a_report_does_not_exist(folders: Folders, run: str) -> None:
    folders.report_file(NEWER).unlink()
    with pytest.raises(NoRunError, match="there is no run") as raised:
        require_run(folders, run)
    assert "harvest runs" in raised.value.hint
    assert [head.run for head in list_runs(folders).heads] == [LATER_MS, OLDER]
    with pytest.raises(NoRunError, match="does not exist"):
        read_report(folders, NEWER)


def test_without_any_run_the_list_is_empty(tmp_path: Path) -> None:
    assert list_runs(Folders(tmp_path / "missing")) == ([], {})


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda report: report[:-9], "is damaged"),
        (lambda report: report.replace(b'"Sytac"', b'"\xff"'), "is damaged"),
        (lambda report: report.replace(OLDER.encode(), b"../../evil"), "is damaged"),
        (lambda report: report.replace(b'"started_at": "2023-12-07', b'"started_at": "2023-99-07'), "is damaged"),
        (lambda report: report.replace(b'"started_at": "2023-12-07', b'"started_at": "9999-12-31'), "is damaged"),
    ],
)
def test_a_damaged_report_is_an_error_with_a_way_out_and_the_others_are_listed(
    folders: Folders, damage: Callable[[bytes], bytes], words: str
) -> None:
    path = folders.report_file(OLDER)
    path.write_bytes(damage(path.read_bytes().replace(b"T16:01:21", b"T23:59:21")))
    heads, unreadable = list_runs(folders)
    assert [head.run for head in heads] == [NEWER, LATER_MS]
    assert {*unreadable} == {OLDER}
    with pytest.raises(FileError) as raised:
        read_report(folders, OLDER)
    for error in (unreadable[OLDER], raised.value):
        assert error.what == f"{path} {words}"
        assert error.hint == "remove it, and the next harvest writes it again from the archive"


def test_a_report_without_a_field_of_this_version_is_not_called_damaged(folders: Folders) -> None:
    path = folders.report_file(OLDER)
    path.write_bytes(path.read_bytes().replace(b'"name_seen"', b'"names_seen"', 1))
    for read in (read_head, read_report):
        with pytest.raises(DamagedRunError, match=rf"report_{OLDER}\.json is not a report of this version") as raised:
            read(folders, OLDER)
        assert "name_seen" in raised.value.why
        assert raised.value.hint == "remove it, and the next harvest writes it again from the archive"


def test_the_hint_for_a_missing_processed_file_is_a_command_for_any_path(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "it's mine")
    with pytest.raises(DamagedRunError) as raised:
        next(read_events(folders, NEWER))
    assert raised.value.hint.startswith("write it again: python app.py ")
    assert shlex.split(raised.value.hint)[5:] == [
        "harvest",
        "replay",
        str(folders.archive_run(NEWER)),
        ">",
        str(folders.processed_file(NEWER)),
    ]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda csv: b"id,event\r\n" + csv, "its first line has other columns"),
        (lambda _csv: b"", "its first line has other columns"),
        (lambda csv: csv.replace(b"\r\n", b"\r\n7,", 2), "row 2: 28 cells instead of 27"),
        (lambda csv: csv.replace(b"Z,", b",", 1), "row 2: a time without a zone"),
        (lambda csv: csv + b'"', "unexpected end of data"),
        (lambda csv: csv + b"\xff\r\n", "'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_damaged_processed_file_is_an_error_with_a_way_out(
    folders: Folders, damage: Callable[[bytes], bytes], why: str
) -> None:
    path = folders.processed_file(OLDER)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DamagedRunError, match=rf"processed_{OLDER}\.csv is damaged") as raised:
        list(read_events(folders, OLDER))
    assert why in raised.value.why
