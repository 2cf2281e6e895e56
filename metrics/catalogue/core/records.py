"""The records of the models as they come in, and their rows.

A record is a msgspec Struct, which takes the fast path: one conversion, one `row`. Only records that it refuses are
examined field by field (`reading.py`). Each model also has a Struct of its key, to read the key of a record whose other
fields are wrong. Fields that are not named here are ignored.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, NamedTuple, NoReturn

from msgspec import Meta, Struct

Row = tuple[Any, ...]  # of values as psycopg copies them; times as `to_time` returns them

# A key of two texts must fit into an index entry, 2,704 bytes: 2 * 255 characters of 4 bytes do.
Key = Annotated[str, Meta(min_length=1, max_length=255, description="text of 1 to 255 characters")]
Text = Annotated[str, Meta(description="text")]
OptionalText = Annotated[str | None, Meta(description="text or null")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1, description="a whole number, 0 to 2147483647")]
Minutes = Annotated[int, Meta(ge=1, le=2**31 - 1, description="a whole number, 1 to 2147483647")]
Megabytes = Annotated[float, Meta(ge=0, le=1e15, description="a number, 0 to 1e15")]
Rate = Annotated[int, Meta(ge=1, le=5, description="a whole number, 1 to 5")]
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(2000, 1, 1)  # noqa: DTZ001  # of times whose offset is read apart
FIRST_YEAR, LAST_YEAR = 1000, 9998  # PostgreSQL and Python can both hold these, in every zone
_FIRST_DAY = (datetime(FIRST_YEAR, 1, 1) - _LOCAL_EPOCH).days  # noqa: DTZ001
_LAST_DAY = (datetime(LAST_YEAR, 12, 31) - _LOCAL_EPOCH).days  # noqa: DTZ001
# The offsets of time zones in microseconds, by how they are written: Z, +0100, +01:00.
_OFFSETS_US = {"Z": 0} | {
    f"{sign}{hours:02}{colon}{minutes:02}": int(f"{sign}1") * (hours * 60 + minutes) * 60_000_000
    for sign in "+-"
    for hours in range(15)
    for minutes in (0, 15, 30, 45)
    for colon in ("", ":")
}


class RejectedError(ValueError):
    """A record that is not loaded.

    Attributes:
        reason: one word, by which rejected records are counted.
        detail: everything that is wrong, in words.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class NoKeyError(RejectedError):
    """A record that cannot be one of any row, since a part of its key is missing."""


class Tombstone(NamedTuple):
    """A record that marks the row of its key as gone."""

    key: Row


class WrongTimeError(ValueError):
    """A time that is refused although it is well-formed; the message says what it must be instead."""


# `fromisoformat` drops digits after the sixth, and reads 19:30.5 as 19:30:00.5.
_EXACT = re.compile(r"[^.,]*(?:\d\d:\d\d:|\D\d{4})\d\d[.,]\d{0,6}0*(?:\D[^.,]*)?")
_HOUR_24 = re.compile(r"\d[^\d:.,+-]24(?::?00|[Z+-])")
_YEARS = f"a time in the years {FIRST_YEAR} to {LAST_YEAR}"


def to_time(text: str, zone: tzinfo | None) -> int:
    """Return a time in microseconds since 2000 in UTC, as PostgreSQL stores it; without an offset it is in `zone`.

    Comparing and copying numbers takes a third of the time: 0.55 µs less for a session.

    Raises:
        WrongTimeError: it is not one moment, not a whole number of microseconds, of another year, or at 24:00.
        ValueError: it is not a time by ISO 8601, or has no offset and there is no zone.
    """
    # As times usually are, with milliseconds and an offset: 0.63 µs instead of 0.96.
    offset_us = _OFFSETS_US.get(text[23:])
    if offset_us is None or text[19] != ".":
        return _to_time_of_any_form(text, zone)
    try:
        since = datetime.fromisoformat(text[:23]) - _LOCAL_EPOCH
    except (TypeError, ValueError):  # TypeError: it has another offset within its milliseconds
        raise _no_time(text) from None
    days = since.days
    if not _FIRST_DAY <= days <= _LAST_DAY:
        raise WrongTimeError(_YEARS)
    return (days * 86_400 + since.seconds) * 1_000_000 + since.microseconds - offset_us


def _to_time_of_any_form(text: str, zone: tzinfo | None) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise _no_time(text) from None
    if ("." in text or "," in text) and not _EXACT.fullmatch(text):
        raise WrongTimeError("a time whose seconds have at most six decimals")
    if time.tzinfo is None:
        if zone is None:
            raise ValueError(text)
        time = _in_zone(time, zone)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise WrongTimeError(_YEARS)
    since = time - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _no_time(text: str) -> ValueError:
    """Return the error for a text that is not a time to `fromisoformat`, which does not know 24:00."""
    return WrongTimeError("a time whose hours are 00 to 23") if _HOUR_24.search(text) else ValueError(text)


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    """Return a local time of a zone.

    Raises:
        WrongTimeError: clocks skipped it, or showed it twice (PEP 495).
    """
    time = time.replace(tzinfo=zone)
    until_second_s = time.replace(fold=1).timestamp() - time.timestamp()
    if until_second_s:
        change = "showed this one twice" if until_second_s > 0 else "skipped this one"
        raise WrongTimeError(f"a time with an offset, since clocks in {zone} {change}")
    return time


def to_date(text: str, zone: tzinfo | None = None) -> date:  # noqa: ARG001  # as `to_time`
    """Return the date in a date or time, as written: its offset does not move it.

    Raises:
        ValueError: it is neither.
    """
    return datetime.fromisoformat(text).date()


_TIME = "a time with an offset, such as 2021-12-06T19:30:19.099+0100"
Time = Annotated[str, Meta(description=_TIME, extra={"convert": to_time})]
Date = Annotated[
    str | None, Meta(description="a date, such as 1956-05-07T00:00:00.000+0000, or null", extra={"convert": to_date})
]


def _require_storable(texts: Iterable[str]) -> None:
    """Check that there is no NUL, which PostgreSQL cannot store in a text.

    Raises:
        ValueError: there is one.
    """
    if "\0" in "".join(texts):
        raise ValueError("NUL")


class MovieKey(Struct):
    """Key of a movie."""

    title: Key

    def key(self, zone: tzinfo | None) -> Row:  # noqa: ARG002
        """Return the values of the key's columns."""
        _require_storable([self.title])
        return (self.title,)


class Movie(MovieKey):
    """A movie of the catalogue."""

    duration_mins: Minutes
    original_language: Text
    size_mb: Count

    def row(self, zone: tzinfo | None) -> Row:
        """Return the values of the table's columns."""
        _require_storable([self.original_language])
        return (*self.key(zone), self.duration_mins, self.original_language, self.size_mb)


class UserKey(Struct):
    """Key of a user."""

    email: Key

    def key(self, zone: tzinfo | None) -> Row:  # noqa: ARG002
        """Return the values of the key's columns."""
        _require_storable([self.email])
        return (self.email,)


class User(UserKey):
    """A user of the app."""

    first_name: Text
    last_name: Text

    def row(self, zone: tzinfo | None) -> Row:
        """Return the values of the table's columns."""
        _require_storable([self.first_name, self.last_name])
        return (*self.key(zone), self.first_name, self.last_name)


class StreamKey(Struct):
    """Key of a session."""

    start_at: Time
    user_email: Key
    movie_title: Key

    def key(self, zone: tzinfo | None) -> Row:
        """Return the values of the key's columns."""
        _require_storable([self.user_email, self.movie_title])
        return (to_time(self.start_at, zone), self.user_email, self.movie_title)


class Stream(StreamKey):
    """A session: one user streamed one movie."""

    end_at: Time
    size_mb: Megabytes

    def row(self, zone: tzinfo | None) -> Row:
        """Return the values of the table's columns.

        Raises:
            RejectedError: it ends before its start.
        """
        # `key` and a call for the texts would cost a fifth of this.
        user_email, movie_title = self.user_email, self.movie_title
        if "\0" in user_email or "\0" in movie_title:
            raise ValueError("NUL")
        start_at, end_at = to_time(self.start_at, zone), to_time(self.end_at, zone)
        if end_at < start_at:
            raise RejectedError("order", f"end_at {self.end_at} is before start_at {self.start_at}")
        return start_at, user_email, movie_title, end_at, self.size_mb


class _AuthorName(Struct):
    """The part of an author's metadata that is the key."""

    name: Key


class _AuthorMetadata(_AuthorName):
    """All metadata of an author; unknown dates are null or missing."""

    birth_date: Date = None
    died_at: Date = None


class _Nationality(Struct):
    """A nationality, or a placeholder without a slug."""

    slug: OptionalText = None


class AuthorKey(Struct):
    """Key of an author."""

    metadata: _AuthorName

    def key(self, zone: tzinfo | None) -> Row:  # noqa: ARG002
        """Return the values of the key's columns."""
        _require_storable([self.metadata.name])
        return (self.metadata.name,)


class Author(Struct):
    """An author; of several nationalities, the first one with a slug."""

    metadata: _AuthorMetadata
    nationalities: list[_Nationality] = []

    def row(self, zone: tzinfo | None) -> Row:  # noqa: ARG002
        """Return the values of the table's columns."""
        of = self.metadata
        slug = next((nationality.slug for nationality in self.nationalities if nationality.slug), None)
        _require_storable([of.name, slug or ""])
        birth_date = None if of.birth_date is None else to_date(of.birth_date)
        died_at = None if of.died_at is None else to_date(of.died_at)
        return of.name, birth_date, died_at, slug


class BookKey(Struct):
    """Key of a book."""

    name: Key

    def key(self, zone: tzinfo | None) -> Row:  # noqa: ARG002
        """Return the values of the key's columns."""
        _require_storable([self.name])
        return (self.name,)


class Book(BookKey):
    """A book of the vendor."""

    pages: Count
    author: Text
    publisher: Text

    def row(self, zone: tzinfo | None) -> Row:
        """Return the values of the table's columns."""
        _require_storable([self.author, self.publisher])
        return (*self.key(zone), self.pages, self.author, self.publisher)


class _BookTitle(Struct):
    """Metadata of a reviewed book."""

    title: Key


class _ReviewedBook(Struct):
    """A book that a review names; the first one counts."""

    metadata: _BookTitle


class _ReviewedMovie(Struct):
    """A movie that a review names, or a placeholder."""

    title: OptionalText = None


class _Content(Struct):
    """Content of a review."""

    text: Text


class _Rating(Struct):
    """Rating of a review."""

    rate: Rate


# Of the two movies of a review, one is a placeholder.
PLACEHOLDERS = (None, "", "end")


class ReviewKey(Struct):
    """Key of a review."""

    created: Time
    movies: list[_ReviewedMovie]
    books: Annotated[list[_ReviewedBook], Meta(min_length=1, description="a list of 1 book or more")]

    def key(self, zone: tzinfo | None) -> Row:
        """Return the values of the key's columns.

        Raises:
            RejectedError: there is not exactly one movie with a title.
        """
        titles = [movie.title for movie in self.movies if (movie.title or "").lower() not in PLACEHOLDERS]
        if len(titles) != 1 or len(titles[0] or "") > 255:
            _reject_movies(titles)
        movie_title, book_title = titles[0] or "", self.books[0].metadata.title
        _require_storable([movie_title, book_title])
        return to_time(self.created, zone), movie_title, book_title


class Review(ReviewKey):
    """A review of a movie that is based on a book."""

    content: _Content
    rating: _Rating
    updated: Time

    def row(self, zone: tzinfo | None) -> Row:
        """Return the values of the table's columns.

        Raises:
            RejectedError: as `key`.
        """
        _require_storable([self.content.text])
        return (*self.key(zone), self.rating.rate, self.content.text, to_time(self.updated, zone))


def _reject_movies(titles: list[str | None]) -> NoReturn:
    if not titles:
        raise NoKeyError("movies", 'no movie has a title: each one is "end", empty or null')
    if len(titles) == 1:
        raise RejectedError("field", "the movie's title must be text of 1 to 255 characters")
    raise RejectedError("movies", f"{len(titles)} movies have titles, instead of one: {', '.join(map(repr, titles))}")
