"""Pages in Markdown about measurements: their parts, a table, and figures as JSON beside them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

import msgspec

from metrics.files.atomic import write_errors

_LESS = "name another folder by --docs"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """Findings of a live measurement, which are written as JSON, too.

    Attributes:
        title: the page is TITLE.md, the figures are title.json.
        introduction: the page up to its table.
        problems: errors in the results, in words.
    """

    title: ClassVar[str]
    introduction: ClassVar[str]

    problems: list[str]

    def as_markdown(self) -> str:
        """Return the findings as a table, and a sentence on the results."""
        raise NotImplementedError

    def draw(self, folder: Path) -> None:
        """Draw the pictures of the page into a folder."""

    def write(self, folder: Path, circumstances: str) -> Path:
        """Write the page, its figures and pictures into a folder, and return the page's path.

        Raises:
            FileError: something cannot be written.
        """
        path = folder / f"{self.title.upper()}.md"
        write(path, self.introduction, self.as_markdown(), circumstances)
        with write_errors(folder, _LESS):
            (folder / f"{self.title}.json").write_bytes(msgspec.json.format(msgspec.json.encode(self)) + b"\n")
            self.draw(folder)
        return path


def write(path: Path, *parts: str) -> None:
    """Write a page from its parts; the folder is created if missing.

    Raises:
        FileError: it cannot be written.
    """
    with write_errors(path, _LESS):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n\n".join(part.strip() for part in parts) + "\n", encoding="utf-8")


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], texts: Collection[str] = ()) -> str:
    """Return a table in Markdown.

    Args:
        texts: the columns that are aligned to the left; columns of numbers are aligned to the right.
    """
    rule = ["---" if column in texts else "---:" for column in heading]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, rule, *rows))
