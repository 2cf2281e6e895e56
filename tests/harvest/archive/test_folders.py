"""The folders of runs, their names, and the lock of one harvest."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metrics.files.project import project_folder
from metrics.harvest.archive.folders import Folders, is_run
from metrics.harvest.archive.lock import lock_folder
from metrics.wording.errors import AlreadyRunningError, FileError

# 2023-12-07 16:01:21.5 UTC, in Amsterdam 17:01:21.
START_US = 1_701_964_881_500_000
RUN = "20231207_170121"


def test_the_folders_are_those_of_the_original_relative_to_the_clone() -> None:
    folders = Folders.of("data")
    assert [path.relative_to(project_folder()).as_posix() for path in every_path(folders, RUN)] == [
        f"data/raw/{RUN}",
        f"data/archive/{RUN}",
        f"data/processed/processed_{RUN}.csv",
        f"data/report/exec_report_{RUN}.txt",
        f"data/report/report_{RUN}.json",
    ]
    assert Folders.of("/elsewhere").root == Path("/elsewhere")


def test_a_run_is_named_by_the_time_in_amsterdam(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "new" / "data")
    assert folders.new_run(START_US) == RUN
    assert folders.raw_run(RUN).is_dir()


def test_an_hour_that_comes_twice_gives_two_names(tmp_path: Path) -> None:
    folders, hour_us = Folders(tmp_path), 3_600_000_000
    first_us = 1_698_539_400_000_000  # 2023-10-29 00:30 UTC, 02:30 of summer time
    assert folders.new_run(first_us) == "20231029_023000"
    assert folders.new_run(first_us + hour_us) == "20231029_023000_2"


def every_path(folders: Folders, run: str) -> list[Path]:
    made = (folders.processed_file(run), folders.execution_report(run), folders.report_file(run))
    return [folders.raw_run(run), folders.archive_run(run), *made]


@pytest.mark.parametrize("used", range(5))
def test_a_name_that_any_file_of_a_run_has_is_not_used_again(tmp_path: Path, used: int) -> None:
    folders = Folders(tmp_path)
    folders.make()
    every_path(folders, RUN)[used].touch()
    every_path(folders, f"{RUN}_2")[used].symlink_to("nowhere")
    assert folders.new_run(START_US) == f"{RUN}_3"
    assert folders.new_run(START_US) == f"{RUN}_4"


@pytest.mark.parametrize("name", [RUN, f"{RUN}_2", f"{RUN}_10"])
def test_names_of_runs(name: str) -> None:
    assert is_run(name)


@pytest.mark.parametrize("name", ["", "20231207", f"{RUN}_", f"{RUN}_02", f"{RUN}.bak", f"{RUN}\n", "٢٠٢٣١٢٠٧_170121"])
def test_names_of_other_files(name: str) -> None:
    assert not is_run(name)


def test_a_folder_that_is_a_file_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(FileError, match=r"harvest's folder .*data cannot be used") as raised:
        Folders(tmp_path / "data").new_run(START_US)
    assert "HARVEST_DIR" in raised.value.hint


HARVESTING = """
import sys
from pathlib import Path
from metrics.harvest.archive.folders import Folders
from metrics.harvest.archive.lock import lock_folder
with lock_folder(Folders(Path(sys.argv[1]))):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_one_process_harvests_at_a_time_until_it_ends_however_that_happens(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HARVESTING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(AlreadyRunningError) as raised, lock_folder(Folders(tmp_path)):
            pass
        other.kill()
        assert other.wait() == -signal.SIGKILL
        with lock_folder(Folders(tmp_path)):
            pass
    assert raised.value.exit_code == 8
    assert str(raised.value) == (
        f"another harvest runs in {tmp_path}\n"
        f"why: it has locked {tmp_path}/.harvest.lock\n"
        "hint: wait until it stops, or set HARVEST_DIR to another folder"
    )


def test_the_server_that_harvests_is_another_harvest_too(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    with lock_folder(folders), pytest.raises(AlreadyRunningError), lock_folder(folders):
        pass
    with lock_folder(folders):
        pass
