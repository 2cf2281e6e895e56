"""The reference by hand: every answer here was worked out on paper."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from metrics.catalogue.generate.reference import (
    AuthorRow,
    BookRow,
    MovieRow,
    Period,
    ReviewRow,
    StreamRow,
    half_watchers,
    is_within,
    mean_session_seconds,
    median_size_gb,
    movies_by_nationality,
    outage_users,
    share_based_on_books,
)

MONDAY = datetime(2021, 12, 6, tzinfo=UTC)
MOVIES = [MovieRow("Rain", 100, "Thai", 900), MovieRow("École", 60, "Thai", 700), MovieRow("Snow", 90, "Thai", 800)]


def at(minute: float) -> datetime:
    return MONDAY + timedelta(minutes=minute)


def session(start: float, end: float, user: str = "a@b.c", movie: str = "Rain", size_mb: float = 1.0) -> StreamRow:
    return StreamRow(at(start), user, movie, at(end), size_mb)


def review(movie: str, book: str) -> ReviewRow:
    return ReviewRow(at(0), movie, book, 3, "", at(0))


#                 period:        10 [----------) 20
@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 9, False),  #   --
        (0, 10, False),  #  ------
        (0, 11, True),  #   --------
        (12, 13, True),  #                 --
        (0, 30, True),  #   ------------------------------
        (10, 10, True),  #             .
        (15, 15, True),  #                  .
        (19, 30, True),  #                      --------
        (20, 30, False),  #                        -----
        (20, 20, False),  #                        .
    ],
)
def test_a_session_is_within_a_period_if_it_is_in_progress_at_any_moment(
    start: float, end: float, *, expected: bool
) -> None:
    assert is_within(session(start, end), Period(at(10), at(20))) is expected


def test_the_share_counts_movies_of_the_table_that_were_streamed_whatever_their_case() -> None:
    streams = [session(0, 1, movie=title) for title in ("Rain", "RAIN", "éCOLE", "Unknown")]
    reviews = [review("ÉCOLE", "A Book"), review("Snow", "A Book"), review("Unknown", "A Book")]
    assert share_based_on_books(MOVIES, streams, reviews) == Fraction(1, 2)
    assert share_based_on_books(MOVIES, [], reviews) is None


def test_a_user_with_two_sessions_in_an_outage_is_one_user() -> None:
    streams = [
        session(12, 13, "Ann@b.c"),
        session(14, 15, "ann@B.c", "rAIN"),
        session(0, 60, "bob@b.c"),
        session(20, 60, "late@b.c"),
        session(12, 13, "other@b.c", "Snow"),
    ]
    assert outage_users(streams, "raiN", Period(at(10), at(20))) == {"ann@b.c", "bob@b.c"}


def test_a_movie_counts_for_a_nationality_through_its_reviews_books_and_authors() -> None:
    authors = [
        AuthorRow("Lim", None, None, "singaporeans"),
        AuthorRow("Tan", None, None, "danes"),
        AuthorRow("Nobody", None, None, None),
    ]
    books = [BookRow("One", 1, "LIM", ""), BookRow("Two", 1, "Tan", ""), BookRow("Three", 1, "Nobody", "")]
    reviews = [
        review("RAIN", "ONE"),
        review("Rain", "Two"),
        review("Snow", "Two"),
        review("École", "One"),
        review("Lost", "One"),
        review("Rain", "Three"),
    ]
    streams = [session(12, 13, movie=title) for title in ("Rain", "rain", "Snow", "Lost")]
    month = Period(at(10), at(20))
    assert movies_by_nationality(MOVIES, streams, reviews, books, authors, "Singaporeans", month) == {"rain"}
    assert movies_by_nationality(MOVIES, streams, reviews, books, authors, "danes", month) == {"rain", "snow"}
    assert movies_by_nationality(MOVIES, streams, reviews, books, authors, "", month) == set()
    streams.append(session(19, 99, movie="éCOLE"))
    assert len(movies_by_nationality(MOVIES, streams, reviews, books, authors, "singaporeans", month)) == 2


def test_the_mean_is_exact() -> None:
    streams = [session(0, 1), session(0, 2), session(5, 5)]
    streams.append(StreamRow(at(0), "a@b.c", "Rain", at(0) + timedelta(milliseconds=1), 1.0))
    assert mean_session_seconds(streams) == Fraction(180_001, 4_000)
    assert mean_session_seconds([]) is None


def test_the_median_of_an_even_number_is_between_the_two_in_the_middle() -> None:
    assert median_size_gb([3000.0, 1000.0, 2000.0]) == 2
    assert median_size_gb([4000.0, 1000.0, 3000.0, 2000.5]) == Fraction(250_025, 100_000)
    assert median_size_gb([]) is None


#                 period:        100 [-------------------) 200      Rain has 100 minutes
@pytest.mark.parametrize(
    ("sessions", "expected"),
    [
        ([(100, 150)], True),
        ([(100, 149.99)], False),
        ([(60, 149)], False),  # 89 minutes, but 49 of them within the period
        ([(60, 150)], True),
        ([(160, 220)], False),
        ([(0, 300)], True),
        ([(100, 130), (130, 160)], False),  # each counts for itself
    ],
)
def test_half_of_a_movie_is_watched_in_one_session_within_the_period(
    sessions: list[tuple[float, float]], *, expected: bool
) -> None:
    streams = [session(start, end, "Ann@b.c", "RAIN") for start, end in sessions]
    assert half_watchers(MOVIES, streams, Period(at(100), at(200))) == ({"ann@b.c"} if expected else set())


def test_a_movie_of_unknown_duration_has_no_half() -> None:
    assert half_watchers(MOVIES, [session(0, 900, movie="Unknown")], Period(at(0), at(900))) == set()
