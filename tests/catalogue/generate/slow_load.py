"""A slow load of the files into dictionaries, by the issue's own words: what is wrong, which record of a key counts."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, ReviewRow, StreamRow, UserRow


class WrongError(Exception):
    """A record that must be rejected; its text is the reason."""


def require(*, is_right: bool, reason: str = "field") -> None:
    if not is_right:
        raise WrongError(reason)


def text(value: object, *, longest: int = 10_000, may_be_empty: bool = True) -> str:
    require(is_right=isinstance(value, str) and "\0" not in value and len(value) <= longest)
    require(is_right=may_be_empty or value != "")
    return str(value)


def key(value: object) -> str:
    return text(value, longest=255, may_be_empty=False)


def digits(cell: str) -> int:
    require(is_right=cell.isdecimal())
    return int(cell)


def whole(value: object) -> int:
    require(is_right=type(value) is int)
    return int(str(value))


def time(value: object) -> datetime:
    try:
        moment = datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S.%f%z")
    except ValueError:
        raise WrongError("field") from None
    return moment


def day(value: object) -> date | None:
    return None if value is None else time(value).date()


def movie(cells: list[str]) -> MovieRow:
    require(is_right=len(cells) == 4, reason="cells")
    row = MovieRow(key(cells[0]), digits(cells[1]), text(cells[2]), digits(cells[3]))
    require(is_right=row.duration_mins > 0)
    return row


def user(cells: list[str]) -> UserRow:
    require(is_right=len(cells) == 3, reason="cells")
    return UserRow(key(cells[2]), text(cells[0]), text(cells[1]))


def stream(cells: list[str]) -> StreamRow:
    require(is_right=len(cells) == 5, reason="cells")
    try:
        size_mb = float(cells[2])
    except ValueError:
        raise WrongError("field") from None
    require(is_right=math.isfinite(size_mb) and size_mb >= 0)
    row = StreamRow(time(cells[3]), key(cells[1]), key(cells[0]), time(cells[4]), size_mb)
    require(is_right=row.end_at >= row.start_at, reason="order")
    return row


def member(value: Any, *path: str) -> Any:
    for name in path:
        require(is_right=isinstance(value, dict) and name in value)
        value = value[name]
    return value


def author(record: Any) -> AuthorRow:
    nationalities = member(record, "nationalities")
    require(is_right=isinstance(nationalities, list))
    slugs = [member(each, "slug") for each in nationalities]
    require(is_right=all(slug is None or isinstance(slug, str) for slug in slugs))
    died = member(record, "metadata", "died_at")
    born = record["metadata"].get("birth_date")
    return AuthorRow(
        key(member(record, "metadata", "name")), day(born), day(died), next((slug for slug in slugs if slug), None)
    )


def book(record: Any) -> BookRow:
    row = BookRow(
        key(member(record, "name")), whole(record["pages"]), text(record["author"]), text(record["publisher"])
    )
    require(is_right=row.pages >= 0)
    return row


def review(record: Any) -> ReviewRow:
    titles = [each["title"] for each in member(record, "movies") if each["title"] not in ("end", "", None)]
    require(is_right=len(titles) == 1, reason="movies")
    books = member(record, "books")
    require(is_right=len(books) == 1)
    row = ReviewRow(
        time(member(record, "created")),
        key(titles[0]),
        key(member(books[0], "metadata", "title")),
        whole(member(record, "rating", "rate")),
        text(member(record, "content", "text")),
        time(member(record, "updated")),
    )
    require(is_right=1 <= row.rating <= 5)
    return row


READERS = {"movie": movie, "user": user, "stream": stream, "author": author, "book": book, "review": review}
KEYS = {"movie": 1, "user": 1, "stream": 3, "author": 1, "book": 1, "review": 3}


def records(path: Path) -> Iterator[Any]:
    """Yield the rows of a CSV file after its header, or the members of a JSON array."""
    if path.suffix == ".json":
        yield from json.loads(path.read_text(encoding="utf-8"))
        return
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from rows


def load(path: Path, model: str) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """Return the rows of a table, the counts of the load, and all rows read, those of the same key among them."""
    table: dict[Any, Any] = {}
    reasons: Counter[str] = Counter()
    accepted = []
    for record in records(path):
        try:
            row = READERS[model](record)
        except WrongError as error:
            reasons[str(error)] += 1
            continue
        accepted.append(row)
        table[tuple(part.lower() if isinstance(part, str) else part for part in row[: KEYS[model]])] = row
    return (
        list(table.values()),
        {
            "read": len(accepted) + reasons.total(),
            "inserted": len(table),
            "repeated": len(accepted) - len(table),
            "rejected": reasons.total(),
            "rejected_by_reason": dict(reasons),
        },
        accepted,
    )


def longer_than_the_movie(streams: list[StreamRow], movies: list[MovieRow]) -> int:
    minutes = {row.title.lower(): row.duration_mins for row in movies}
    known = [row for row in streams if row.movie_title.lower() in minutes]
    return sum(row.end_at - row.start_at > timedelta(minutes=minutes[row.movie_title.lower()]) for row in known)
