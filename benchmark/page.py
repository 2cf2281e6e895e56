"""Pages in Markdown that a measurement writes, and its figures as JSON beside them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from metrics.errors import FileError


def write(path: Path, *parts: str) -> None:
    """Write a page from its parts.

    Raises:
        FileError: it cannot be written.
    """
    with writing(path.parent):
        path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def write_figures(path: Path, figures: msgspec.Struct) -> None:
    """Write the figures of a page as JSON.

    Raises:
        FileError: they cannot be written.
    """
    with writing(path.parent):
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Create a folder for files that are written in this context.

    Raises:
        FileError: a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise FileError(f"{folder} cannot be written", why=str(error), hint="name another folder by --docs") from error


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], texts: Collection[str] = ()) -> str:
    """Return a table in Markdown.

    Args:
        texts: the columns that are aligned to the left; columns of numbers are aligned to the right.
    """
    rule = ["---" if column in texts else "---:" for column in heading]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *rows))
