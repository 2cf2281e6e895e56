"""The lock of HARVEST_DIR: only one process at a time harvests into it."""

from collections.abc import Iterator
from contextlib import contextmanager

from metrics.files.locks import open_lock, try_lock
from metrics.harvest.archive.folders import Folders
from metrics.wording.errors import AlreadyRunningError

NAME = ".harvest.lock"


class LockedFolders(Folders):
    """Folders locked by `lock_folder`: no other process harvests into them."""


@contextmanager
def lock_folder(folders: Folders) -> Iterator[LockedFolders]:
    """Keep other processes from harvesting into these folders; the lock ends with the process, even if it is killed.

    Raises:
        AlreadyRunningError: another harvest has the lock.
        FileError: the folders cannot be used.
    """
    folders.make()
    with folders.errors():
        lock = open_lock(folders.root, NAME)
    with lock:
        with folders.errors():
            is_locked = try_lock(lock)
        if not is_locked:
            raise AlreadyRunningError(
                f"another harvest runs in {folders.root}",
                why=f"it has locked {folders.root / NAME}",
                hint="wait until it stops, or set HARVEST_DIR to another folder",
            )
        yield LockedFolders(folders.root)
