"""PostgreSQL on this machine, from a wheel."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Yield the URL of the folder's database, which is started if it does not run."""
    say(f"not built yet: {folder}")
    yield ""
