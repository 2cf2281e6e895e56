"""Files that processes lock to learn of each other."""

import fcntl
import stat
from pathlib import Path

import pytest

from metrics.files.locks import folder_errors, open_lock, try_lock
from metrics.wording.errors import FileError


def test_a_lock_excludes_others_until_its_file_is_closed(tmp_path: Path) -> None:
    with open_lock(tmp_path, "lock") as other:
        with open_lock(tmp_path, "lock") as first:
            assert try_lock(first)
            assert not try_lock(other)
            assert not try_lock(other, fcntl.LOCK_SH)
        assert try_lock(other)


def test_shared_locks_exclude_only_an_exclusive_one(tmp_path: Path) -> None:
    with open_lock(tmp_path, "lock") as first, open_lock(tmp_path, "lock") as second:
        assert try_lock(first, fcntl.LOCK_SH)
        assert try_lock(second, fcntl.LOCK_SH)
        assert not try_lock(second)


def test_a_folder_that_is_missing_is_created_for_this_user_only(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "folder"
    open_lock(folder, "lock").close()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "lock").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_used_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(FileError, match=r"the local broker's folder .*file cannot be used") as raised,
        folder_errors(tmp_path / "file", "the local broker", "set LOCAL_BROKER_DIR"),
    ):
        open_lock(tmp_path / "file", "lock")
    assert raised.value.hint == "set LOCAL_BROKER_DIR"
