"""The files that are loaded: sessions and reviews, of any number of records."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from metrics.catalogue.generate import internal
from metrics.catalogue.generate.made import blocks_of
from metrics.catalogue.generate.reference import StreamRow
from metrics.catalogue.generate.times import START, format_time
from metrics.files.atomic import writing

MONTH = timedelta(days=31)
LESS = "ask for less"
TEXT = "Solitudo magnam vulpes. Aequitas vitium deputo. Cubitum demens aufero. Vitae tenax curo. " * 5


class Sums(msgspec.Struct, frozen=True):
    """What a table of sessions must have, exactly.

    Attributes:
        rows: their number.
        size: the sum of sizes in thousandths of a megabyte, each rounded.
        first_at, last_at: the first start and the last end.
    """

    rows: int
    size: int
    first_at: datetime
    last_at: datetime


def sessions(folder: Path, scale: int) -> tuple[Path, Sums]:
    """Write a CSV file of sessions unless it exists; return its path and sums.

    The generated month, of the size of the real file, comes `scale` times, each time a month later.
    """
    path = folder / f"streams-{scale}.csv"
    sums = path.with_suffix(".json")
    if not sums.exists():
        month = [row for block in range(blocks_of(internal.STREAMS)) for row in internal.stream_rows(0, 1, block)]
        with writing(path, LESS) as file:
            file.write(_csv([internal.STREAMS_HEADER]))
            for number in range(scale):
                file.write(_csv(_cells(row, number * MONTH) for row in month))
        with writing(sums, LESS) as file:
            file.write(msgspec.json.encode(_sums(month, scale)))
    return path, msgspec.json.decode(sums.read_bytes(), type=Sums)


def _cells(row: StreamRow, later: timedelta) -> tuple[str, ...]:
    times = format_time(row.start_at + later), format_time(row.end_at + later)
    return row.movie_title, row.user_email, repr(row.size_mb), *times


def _csv(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _sums(month: list[StreamRow], scale: int) -> Sums:
    return Sums(
        scale * len(month),
        scale * sum(round(row.size_mb * 1000) for row in month),
        min(row.start_at for row in month),
        max(row.end_at for row in month) + (scale - 1) * MONTH,
    )


def movies(folder: Path) -> Path:
    """Write the CSV file of the movies that were streamed; return its path."""
    path = folder / "movies.csv"
    with writing(path, LESS) as file:
        file.write(_csv([internal.MOVIES_HEADER, *internal.movie_rows(0)]))
    return path


def reviews(folder: Path, megabytes: int) -> tuple[Path, int]:
    """Write a JSON array of reviews of this size unless it exists; return its path and their number."""
    path = folder / f"reviews-{megabytes}.json"
    count = megabytes * 1_000_000 // len(_review(0))
    if not path.exists():
        with writing(path, LESS) as file:
            file.write(b"[")
            file.writelines((b",\n" if number else b"") + _review(number) for number in range(count))
            file.write(b"]\n")
    return path, count


def _review(number: int) -> bytes:
    created = format_time(START + timedelta(milliseconds=number))
    record: dict[str, Any] = {
        "content": {"text": TEXT},
        "rating": {"rate": 1 + number % 5, "label": "ONE"},
        "books": [{"id": None, "metadata": {"title": "Emma", "pages": "unknown"}}],
        "movies": [{"id": 0, "title": "Clueless"}, {"id": 0, "title": "end"}],
        "updated": created,
        "created": created,
    }
    return msgspec.json.encode(record)
