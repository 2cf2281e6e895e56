"""Tables of plain text: columns side by side, folded where a terminal is too narrow for them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from metrics.text import in_line

GAP = "  "


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        is_text: its cells begin at the left, as words do; numbers end at the right.
        most: the width it may have at most; a longer cell moves its own row only.
    """

    title: str
    cells: Sequence[str]
    is_text: bool = False
    most: int = 1000

    @property
    def width(self) -> int:
        """Characters that the column takes."""
        return min(self.most, max(map(len, self._shown())))

    def padded(self) -> Iterator[str]:
        """Yield the title and the cells, each as wide as the column."""
        width = self.width
        for cell in self._shown():
            yield cell.ljust(width) if self.is_text else cell.rjust(width)

    def _shown(self) -> list[str]:
        return [self.title, *map(in_line, self.cells)]


def side_by_side(columns: Sequence[Column]) -> Iterator[str]:
    """Yield the lines of a table: the titles, then the rows."""
    for cells in zip(*(column.padded() for column in columns), strict=True):
        yield GAP.join(cells).rstrip()


def folded(columns: Sequence[Column], width: int | None, fold_before: str = "") -> Iterator[str]:
    """Yield the lines of a table; where that is too wide, some of its columns come below, with the first one again.

    Args:
        width: characters that a line may have. None: there is no limit.
        fold_before: title of the column that comes below in any case, if anything has to.
    """
    first, *others = columns
    is_folded = width is not None and _width(columns) > width
    pages: list[list[Column]] = [[first]]
    for column in others:
        page = [*pages[-1], column]
        if is_folded and (column.title == fold_before or (_width(page) > (width or 0) and len(page) > 2)):
            pages.append([first, column])
        else:
            pages[-1] = page
    for number, page in enumerate(pages):
        if number:
            yield ""
        yield from side_by_side(page)


def _width(columns: Sequence[Column]) -> int:
    return sum(column.width + len(GAP) for column in columns) - len(GAP)
