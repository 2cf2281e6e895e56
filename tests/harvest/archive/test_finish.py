"""The end of a run, and the end of runs whose process was killed."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from metrics.harvest.archive import finish as finish_module
from metrics.harvest.archive.finish import StoppedError, finish, finish_all, unfinished
from metrics.harvest.archive.folders import JOURNAL, DamagedRunError, Folders
from metrics.harvest.archive.journal import JournalWriter
from metrics.harvest.archive.lock import LockedFolders, lock_folder
from metrics.harvest.archive.replay import replay
from metrics.harvest.core.journal import Started, Stopped
from metrics.wording.errors import FileError
from tests.harvest.archive.disks import full_after
from tests.harvest.archive.recorded import HEADER, RUN, START_US, Recorder, complete_ids

STOPPED = Stopped(at_us=START_US + 20_000_000, by="time")


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[LockedFolders]:
    with lock_folder(Folders(tmp_path / "data")) as folders:
        yield folders


def recorded(folders: Folders, *, frames: int = 20, stop: Stopped | None = STOPPED) -> Recorder:
    """Record the run RUN; return what was recorded."""
    assert folders.new_run(START_US) == RUN
    recorder = Recorder(folders.raw_run(RUN), 11, frames=frames)
    recorder.record(stop)
    return recorder


def files(folders: Folders) -> dict[str, bytes]:
    """Return the contents of all files of runs."""
    paths = [path for path in folders.root.rglob("*") if path.is_file() and path.name != ".harvest.lock"]
    return {path.relative_to(folders.root).as_posix(): path.read_bytes() for path in paths}


def plain_csv(folder: Path) -> bytes:
    """Return the CSV of a replay of a copy, which nothing has killed or changed."""
    copy = folder.parent.parent.parent / "copy"
    shutil.copytree(folder, copy)
    csv = io.BytesIO()
    replay(copy, csv, copy)
    shutil.rmtree(copy)
    return csv.getvalue()


def test_a_run_becomes_its_five_files(folders: LockedFolders) -> None:
    recorder = recorded(folders)
    raw = files(folders)
    done: list[tuple[int, int]] = []
    report = finish(folders, RUN, lambda read, size: done.append((read, size)))
    found = files(folders)
    assert found[f"processed/processed_{RUN}.csv"] == recorder.csv()
    archived = {name: data for name, data in found.items() if name.startswith("archive/")}
    assert {*archived} == {name.replace("raw/", "archive/") for name in raw}
    for name, data in archived.items():
        assert raw[name.replace("archive/", "raw/")].startswith(data)
        assert name.endswith("jsonl") or data.endswith((b"\n", b"\r")) or not data, "it ends with a frame"
    assert complete_ids(folders.archive_run(RUN).glob("*.sse")) == {row[0] for row in recorder.rows.values()}
    assert found[f"report/exec_report_{RUN}.txt"].startswith(f"EXECUTION TIME FOR RUN {RUN} \nsytflix was".encode())
    assert json.loads(found[f"report/report_{RUN}.json"])["events"] == report.events == len(recorder.rows)
    assert sum(stream.bytes for stream in report.streams) == sum(
        len(data) for name, data in archived.items() if name.endswith(".sse")
    )
    assert list(folders.raw.iterdir()) == []
    assert done == sorted(done)
    assert {total for _, total in done} == {sum(len(data) for name, data in raw.items() if name.endswith(".sse"))}
    assert unfinished(folders) == []


def failure(folders: LockedFolders, name: str, number: int) -> FileError | None:
    """Finish the run while a call of the system fails, counted from 0; return its error, None if it was not reached."""
    call, calls = getattr(os, name), count()

    def failing(*args: object) -> object:
        if next(calls) == number:
            raise PermissionError(13, "Permission denied")
        return call(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, name, failing)
        try:
            finish(folders, RUN)
        except FileError as error:
            return error
    return None


@pytest.mark.parametrize("name", ["fsync", "replace", "rename"])
def test_a_failure_at_any_step_leaves_a_run_that_is_finished_next_time(
    folders: LockedFolders, tmp_path: Path, name: str
) -> None:
    recorded(folders, frames=4)
    expected: dict[str, bytes] = {}
    for number in (-1, *range(100)):
        with lock_folder(Folders(shutil.copytree(folders.root, tmp_path / str(number)))) as copy:
            error = failure(copy, name, number)
            expected = expected or files(copy)
            if error is not None:
                assert error.why == "Permission denied"
                assert f"it first finishes run {RUN}" in error.hint
                left = unfinished(copy)
                assert not any(path.endswith(".part") for path in files(copy))
                assert finish_all(copy, lambda _line: None) == left
            assert files(copy) == expected
        if error is None and number >= 0:
            break
    assert number == {"replace": 3, "rename": 1, "fsync": 3 * 2 + 2 + len(expected) - 3 + 1}[name]


def killed(how: str, root: Path, *number: str) -> list[Path]:
    """Run the program that kills its processes; return the folders that these harvested into."""
    command = [sys.executable, "-m", "tests.harvest.archive.killed", how, "7", str(root), *number]
    subprocess.run(command, check=True, timeout=150, cwd=Path(__file__).parents[3])
    return sorted(root.iterdir(), key=lambda path: int(path.name))


def finish_next_time(root: Path) -> str:
    """Finish what a process left that was killed, and check it; return what was said about it."""
    said: list[str] = []
    with lock_folder(Folders(root)) as folders:
        source = next((path for path in (folders.raw_run(RUN), folders.archive_run(RUN)) if path.is_dir()), None)
        csv, ids = None, set()
        if source is not None and (source / JOURNAL).exists() and b"\n" in (source / JOURNAL).read_bytes():
            csv, ids = plain_csv(source), complete_ids(source.glob("*.sse"))
        left = unfinished(folders)
        finished = finish_all(folders, said.append)
        found = files(folders)
        assert not [*folders.raw.iterdir(), *unfinished(folders)]
    assert finished == (left if csv else [])
    assert found.get(f"processed/processed_{RUN}.csv") == csv
    assert {line.partition(b",")[0].decode() for line in (csv or b"").splitlines() if line.startswith(b"valid")} == ids
    assert {name for name in found if not name.startswith("archive/")} == (
        {f"processed/processed_{RUN}.csv", f"report/exec_report_{RUN}.txt", f"report/report_{RUN}.json"}
        if csv
        else set()
    )
    return "\n".join(said)


def test_killed_at_any_system_call_a_run_is_finished_next_time(tmp_path: Path) -> None:
    said = [finish_next_time(root) for root in killed("calls", tmp_path)]
    assert said[0] == said[-1] == "", "there was no run yet; it was finished"
    kinds = [*dict.fromkeys(re.sub(r"\d+ events?$", "N", text) for text in said)]
    assert kinds == [
        "",
        f"run {RUN} was killed before its first request: removed",
        f"run {RUN} has no report (was it killed?): finishing it\nrun {RUN} is finished: N",
    ]
    assert len(said) > 40


def test_killed_at_twenty_random_moments_a_run_is_finished_next_time(tmp_path: Path) -> None:
    roots = killed("moments", tmp_path, "20")
    assert len(roots) == 21
    assert any(finish_next_time(root) for root in roots)


def test_a_run_that_was_killed_is_reported_as_such(folders: LockedFolders) -> None:
    recorder = recorded(folders, stop=None)
    said: list[str] = []
    assert finish_all(folders, said.append) == [RUN]
    assert said == [
        f"run {RUN} has no report (was it killed?): finishing it",
        f"run {RUN} is finished: {len(recorder.rows):,} events",
    ]
    report = json.loads(folders.report_file(RUN).read_bytes())
    assert (report["stopped_by"], report["events"]) == ("killed", len(recorder.rows))


def test_a_report_that_was_removed_is_written_again_from_the_archive(folders: LockedFolders) -> None:
    recorded(folders)
    finish(folders, RUN)
    expected = files(folders)
    folders.report_file(RUN).unlink()
    folders.processed_file(RUN).unlink()
    assert finish_all(folders, lambda _line: None) == [RUN]
    assert files(folders) == expected


def test_a_damaged_run_is_skipped_with_a_warning_each_time_and_keeps_no_other_from_being_finished(
    folders: LockedFolders,
) -> None:
    recorded(folders)
    damaged = folders.raw_run("20221207_170121")
    shutil.copytree(folders.raw_run(RUN), damaged)
    journal = (damaged / JOURNAL).read_bytes()
    (damaged / JOURNAL).write_bytes(journal.replace(b'"kind":"opened"', b'"kind":"op\0ned"', 1))
    before = {path.name: path.read_bytes() for path in damaged.iterdir()}
    for finished in ([RUN], []):
        said: list[str] = []
        assert finish_all(folders, said.append) == finished
        assert said[0] == "run 20221207_170121 has no report (was it killed?): finishing it"
        assert said[1].startswith(f"run 20221207_170121 is skipped: {damaged / JOURNAL} is damaged\nwhy: line 2")
        assert f"hint: restore journal.jsonl from a copy, or move the folder {damaged} elsewhere" in said[1]
    assert {path.name: path.read_bytes() for path in damaged.iterdir()} == before
    assert not folders.processed_file(damaged.name).exists()
    with pytest.raises(DamagedRunError):
        finish(folders, damaged.name)


def flipped(digits: bytes) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        path = run / JOURNAL
        *lines, last = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([*lines, last.replace(b'"at_us":17', b'"at_us":' + digits)]))

    return damage


def of_another_name(run: Path) -> None:
    path = run / JOURNAL
    path.write_bytes(path.read_bytes().replace(run.name.encode(), b"../../../../evil"))


def unwritable(run: Path) -> None:
    (run / "sytflix-1.sse").unlink()
    (run / "sytflix-1.sse").mkdir()


@pytest.mark.parametrize(
    "damage", [flipped(b"999999999999"), flipped(b"-17"), flipped(b"1"), of_another_name, unwritable]
)
def test_whatever_is_in_an_old_run_it_is_skipped_and_others_are_finished(
    folders: LockedFolders, damage: Callable[[Path], None]
) -> None:
    recorded(folders)
    old = shutil.copytree(folders.raw_run(RUN), folders.raw_run("20221207_170121"))
    (old / JOURNAL).write_bytes((old / JOURNAL).read_bytes().replace(RUN.encode(), old.name.encode()))
    damage(old)
    said: list[str] = []
    assert finish_all(folders, said.append) == [RUN]
    assert said[1].startswith(f"run {old.name} is skipped: {old}/")
    assert old.is_dir()
    assert not any(old.name in path for path in files(folders) if not path.startswith("raw/"))


@pytest.mark.parametrize("error", [MemoryError(), ValueError("5 apples")])
def test_an_error_that_nobody_expects_of_one_run_keeps_no_other_from_being_finished(
    folders: LockedFolders, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    recorded(folders)
    old = shutil.copytree(folders.raw_run(RUN), folders.raw_run("20221207_170121"))

    def failing(folder: Path, *others: Any) -> Any:
        if folder == old:
            raise error
        return replay(folder, *others)

    monkeypatch.setattr(finish_module, "replay", failing)
    said: list[str] = []
    assert finish_all(folders, said.append) == [RUN]
    assert said[1].startswith(f"run {old.name} is skipped: it cannot be finished\nwhy: {error!r}\nhint: move ")


def test_a_raw_file_that_must_not_be_changed_is_of_its_run_alone(
    folders: LockedFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(folders)
    path = folders.raw_run(RUN) / "sytflix-1.sse"
    is_open = Path.open

    def refusing(self: Path, mode: str = "r", *others: Any, **named: Any) -> Any:
        if (self, mode) == (path, "r+b"):
            raise PermissionError(13, "Permission denied")
        return is_open(self, mode, *others, **named)

    monkeypatch.setattr(Path, "open", refusing)
    said: list[str] = []
    assert finish_all(folders, said.append) == []
    assert f"run {RUN} is skipped: {path} cannot be written\nwhy: Permission denied\nhint: allow writing it" in said[1]


@pytest.mark.parametrize("gone", ["", "raw"])
def test_a_run_whose_folder_was_removed_is_said_to_be_gone(folders: LockedFolders, gone: str) -> None:
    recorded(folders)
    shutil.rmtree(folders.root / gone)
    with pytest.raises(DamagedRunError) as raised:
        finish(folders, RUN)
    assert str(raised.value) == (
        f"the raw files of run {RUN} are gone\n"
        f"why: neither {folders.raw_run(RUN)} nor {folders.archive_run(RUN)} exists\n"
        f"hint: restore {folders.raw_run(RUN)} from a copy"
    )


def test_a_stop_is_obeyed_after_each_run_and_the_next_harvest_finishes_the_others(folders: LockedFolders) -> None:
    recorded(folders)
    second = folders.raw_run(f"{RUN}_2")
    shutil.copytree(folders.raw_run(RUN), second)
    (second / JOURNAL).write_bytes((second / JOURNAL).read_bytes().replace(RUN.encode(), second.name.encode()))
    with pytest.raises(StoppedError, match=r"stopped before the run began; the next harvest finishes 1 run$"):
        finish_all(folders, lambda _line: None, lambda: True)
    assert unfinished(folders) == [second.name]
    assert finish_all(folders, lambda _line: None, lambda: False) == [second.name]
    assert finish_all(folders, pytest.fail, lambda: True) == [], "a run begins, and stops at once"


def test_a_run_without_its_journal_is_damaged_if_it_has_bytes_of_a_stream(folders: LockedFolders) -> None:
    recorded(folders)
    (folders.raw_run(RUN) / JOURNAL).unlink()
    said: list[str] = []
    assert finish_all(folders, said.append) == []
    assert "journal.jsonl cannot be read\nwhy: No such file or directory" in said[1]


def test_a_run_whose_name_is_in_the_archive_too_is_skipped(folders: LockedFolders) -> None:
    recorded(folders)
    shutil.copytree(folders.raw_run(RUN), folders.archive_run(RUN))
    before = files(folders)
    said: list[str] = []
    assert finish_all(folders, said.append) == []
    assert f"{folders.raw_run(RUN)} cannot be archived" in said[1]
    assert files(folders) == before


@pytest.mark.parametrize("is_linked", [False, True])
def test_frames_that_a_stopped_run_lost_are_reported(folders: LockedFolders, *, is_linked: bool) -> None:
    recorded(folders)
    path = folders.raw_run(RUN) / "sytflix-1.sse"
    path.unlink()
    if is_linked:
        path.symlink_to("missing")
    said: list[str] = []
    assert finish_all(folders, said.append) == [RUN]
    assert re.fullmatch(rf"run {RUN} lacks \d+ frames: in its journal, but not complete in its raw files", said[2])


@pytest.mark.parametrize(
    "name", ["raw/mine", "archive/20231207_170121/old.csv", "processed/notes.txt", "report/a.part"]
)
def test_files_that_are_not_of_a_run_are_left_alone(folders: LockedFolders, name: str) -> None:
    path = folders.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"mine")
    assert finish_all(folders, pytest.fail) == []
    assert files(folders) == {name: b"mine"}


def test_temporary_files_of_a_process_that_was_killed_are_removed(folders: LockedFolders) -> None:
    for path in (folders.processed_file(RUN), folders.execution_report(RUN), folders.report_file(RUN)):
        path.with_name(f"{path.name}.0123abcd.part").write_bytes(b"half")
    (folders.processed / ".sorting-abc").write_bytes(b"half")
    assert finish_all(folders, pytest.fail) == []
    assert files(folders) == {}


@pytest.mark.parametrize("size_bytes", [50, 3_000])
def test_on_a_full_disk_a_run_waits_until_there_is_room(folders: LockedFolders, size_bytes: int) -> None:
    recorder = recorded(folders)
    raw = {name: data for name, data in files(folders).items() if not name.endswith("jsonl")}
    with full_after(size_bytes), pytest.raises(FileError, match="cannot be written") as raised:
        finish_all(folders, lambda _line: None)
    assert raised.value.hint.endswith(f"\nthen start harvest again: it first finishes run {RUN}")
    assert not any(".part" in name or ".sorting" in name for name in files(folders))
    assert {name: data for name, data in files(folders).items() if name in raw} == raw
    assert finish_all(folders, lambda _line: None) == [RUN]
    assert folders.processed_file(RUN).read_bytes() == recorder.csv()


def test_what_was_killed_before_its_first_line_leaves_nothing(folders: LockedFolders) -> None:
    for torn in (b"", b'{"kind":"star'):
        run = folders.new_run(START_US)
        (folders.raw_run(run) / JOURNAL).write_bytes(torn)
        (folders.raw_run(run) / "sytflix-1.sse").write_bytes(b"")
        said: list[str] = []
        assert finish_all(folders, said.append) == []
        assert said == [f"run {run} was killed before its first request: removed"]
        assert files(folders) == {}


def test_a_run_without_any_event_is_finished_too(folders: LockedFolders) -> None:
    run = folders.new_run(START_US)
    with JournalWriter(folders.raw_run(run)) as journal:
        journal.append(
            [Started(at_us=START_US, run=run, seconds=20.0, name="Sytac", times=3, frame_limit_bytes=1 << 20), STOPPED]
        )
    assert finish(folders, run).events == 0
    assert folders.processed_file(run).read_text() == f"{HEADER}\n"
