"""The six questions in plain Python, over rows in memory: slow and obvious, to check the SQL against.

Texts compare without case, by str.lower. PostgreSQL's lower() under C.UTF-8 agrees on letters whose lower case is one
character and depends on no neighbour (not on "İ" or a final "Σ"). Movies that are not in the table of movies do not
count; one is based on a book if a review names both. Rows that are gone count: what was streamed was streamed.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

MB_OF_GB = 1_000


class MovieRow(NamedTuple):
    """A row of the table of movies; as all rows here, in the order of the table's columns."""

    title: str
    duration_mins: int
    original_language: str
    size_mb: int


class UserRow(NamedTuple):
    """A row of the table of users."""

    email: str
    first_name: str
    last_name: str


class AuthorRow(NamedTuple):
    """A row of the table of authors."""

    name: str
    birth_date: date | None
    died_at: date | None
    nationality: str | None


class BookRow(NamedTuple):
    """A row of the table of books."""

    title: str
    pages: int
    author: str
    publisher: str


class StreamRow(NamedTuple):
    """A row of the table of sessions; it lasts from `start_at` until before `end_at`."""

    start_at: datetime
    user_email: str
    movie_title: str
    end_at: datetime
    size_mb: float


class ReviewRow(NamedTuple):
    """A row of the table of reviews."""

    created_at: datetime
    movie_title: str
    book_title: str
    rating: int
    text: str
    updated_at: datetime


class Period(NamedTuple):
    """A period `[start, end)`."""

    start: datetime
    end: datetime


def streamed_movies(movies: Iterable[MovieRow], streams: Iterable[StreamRow]) -> set[str]:
    """Return the titles, in lower case, of the movies that have a session."""
    titles = {movie.title.lower() for movie in movies}
    return titles & {stream.movie_title.lower() for stream in streams}


def share_based_on_books(
    movies: Iterable[MovieRow], streams: Iterable[StreamRow], reviews: Iterable[ReviewRow]
) -> Fraction | None:
    """Return the share of streamed movies that are based on books; None if nothing was streamed."""
    streamed = streamed_movies(movies, streams)
    based = streamed & {review.movie_title.lower() for review in reviews}
    return Fraction(len(based), len(streamed)) if streamed else None


def is_within(stream: StreamRow, period: Period) -> bool:
    """Return whether a session is in progress at any moment of a period.

    One that ends when the period starts is not, nor is one that starts when it ends. A session without length is in
    progress at its one moment.
    """
    if period.start <= stream.start_at < period.end:
        return True
    return stream.start_at < period.start < stream.end_at


def outage_users(streams: Iterable[StreamRow], movie: str, outage: Period) -> set[str]:
    """Return the emails, in lower case, of users with a session of a movie in progress at any moment of an outage."""
    return {
        stream.user_email.lower()
        for stream in streams
        if stream.movie_title.lower() == movie.lower() and is_within(stream, outage)
    }


def movies_by_nationality(
    movies: Iterable[MovieRow],
    streams: Iterable[StreamRow],
    reviews: Iterable[ReviewRow],
    books: Iterable[BookRow],
    authors: Iterable[AuthorRow],
    nationality: str,
    month: Period,
) -> set[str]:
    """Return the titles, in lower case, of movies streamed in a month and based on books by authors of a nationality.

    A session counts if it is in progress at any moment of the month.
    """
    names = {
        author.name.lower()
        for author in authors
        if author.nationality is not None and author.nationality.lower() == nationality.lower()
    }
    written = {book.title.lower() for book in books if book.author.lower() in names}
    based = {review.movie_title.lower() for review in reviews if review.book_title.lower() in written}
    return based & streamed_movies(movies, [stream for stream in streams if is_within(stream, month)])


def mean_session_seconds(streams: Collection[StreamRow]) -> Fraction | None:
    """Return the mean duration of all sessions; None if there is none."""
    if not streams:
        return None
    total = sum((stream.end_at - stream.start_at for stream in streams), timedelta())
    return Fraction(total // timedelta(microseconds=1), 1_000_000 * len(streams))


def median_size_gb(sizes_mb: Collection[float]) -> Fraction | None:
    """Return the median size in GB: of an even number, the mean of the two in the middle; None if there is none.

    A size is the shortest decimal number that reads as its float.
    """
    if not sizes_mb:
        return None
    in_order = sorted(sizes_mb)
    low, high = in_order[(len(in_order) - 1) // 2], in_order[len(in_order) // 2]
    return (Fraction(repr(low)) + Fraction(repr(high))) / 2 / MB_OF_GB


def half_watchers(movies: Iterable[MovieRow], streams: Iterable[StreamRow], period: Period) -> set[str]:
    """Return the emails, in lower case, of users who watched at least half of any movie in a period.

    Each session counts for itself, and only its part within the period.
    """
    half = {movie.title.lower(): timedelta(minutes=movie.duration_mins) / 2 for movie in movies}
    users = set()
    for stream in streams:
        needed = half.get(stream.movie_title.lower())
        if needed is not None and is_within(stream, period):
            watched = min(stream.end_at, period.end) - max(stream.start_at, period.start)
            if watched >= needed:
                users.add(stream.user_email.lower())
    return users
