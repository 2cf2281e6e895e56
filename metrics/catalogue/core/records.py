"""The records of the models as they come in, and their rows.

A record is a msgspec Struct, which takes the fast path: one conversion, one `row`. Only records that it refuses are
examined field by field (`reading.py`). Each model also has a Struct of its key, to read the key of a record whose other
fields are wrong. Fields that are not named here are ignored.
"""

from collections.abc import Iterable
from datetime import tzinfo
from typing import Annotated, Any, NamedTuple, NoReturn

from msgspec import Meta, Struct

from metrics.catalogue.core.times import Date, Time, to_date, to_time

Row = tuple[Any, ...]  # of values as psycopg copies them; times as `to_time` returns them

# A key of two texts must fit into an index entry, 2,704 bytes: 2 * 255 characters of 4 bytes do.
Key = Annotated[str, Meta(min_length=1, max_length=255, description="text of 1 to 255 characters")]
Text = Annotated[str, Meta(description="text")]
OptionalText = Annotated[str | None, Meta(description="text or null")]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1, description="a whole number, 0 to 2147483647")]
Minutes = Annotated[int, Meta(ge=1, le=2**31 - 1, description="a whole number, 1 to 2147483647")]
Megabytes = Annotated[float, Meta(ge=0, le=1e15, description="a number, 0 to 1e15")]
Rate = Annotated[int, Meta(ge=1, le=5, description="a whole number, 1 to 5")]


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
    """A record that belongs to no row, since a part of its key is missing."""


class Tombstone(NamedTuple):
    """A record that marks the row of its key as gone."""

    key: Row


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
