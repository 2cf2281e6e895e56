"""The six questions: by hand, then each against plain Python over random rows."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from metrics.catalogue.generate import reference
from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, Period, ReviewRow, StreamRow
from tests.catalogue.query.tables import Connection, ask_shipped, fill
from tests.examples import examples

NOON = datetime(2021, 12, 25, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return NOON + timedelta(minutes=minute)


def session(start: float, end: float, user: str = "a@b.c", movie: str = "Rain", size_mb: float = 1.0) -> StreamRow:
    return StreamRow(at(start), user, movie, at(end), size_mb)


def movie(title: str, duration_mins: int = 100) -> MovieRow:
    return MovieRow(title, duration_mins, "Thai", 900)


def review(movie: str, book: str, minute: int = 0) -> ReviewRow:
    return ReviewRow(at(minute), movie, book, 3, "", at(0))


def rounded(value: Fraction | None, decimals: int) -> Decimal | None:
    """Return a fraction as PostgreSQL rounds: half away from zero."""
    if value is None:
        return None
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


def test_without_rows_counts_are_0_and_the_others_null(connection: Connection) -> None:
    assert {name: ask_shipped(connection, name) for name in ("outage-users", "half-watchers")} == {
        "outage-users": {"users": 0},
        "half-watchers": {"users": 0},
    }
    assert ask_shipped(connection, "movies-by-nationality") == {"movies": 0}
    assert ask_shipped(connection, "share-based-on-books") == {
        "streamed_movies": 0,
        "based_on_books": 0,
        "share": None,
    }
    assert ask_shipped(connection, "mean-session-seconds") == {"mean_session_s": None}
    assert ask_shipped(connection, "median-size-gb") == {"median_size_gb": None}


def test_the_share_counts_streamed_movies_of_the_catalogue_once_without_case(connection: Connection) -> None:
    #   Rain: streamed twice, two reviews. École: streamed, no review. Snow: reviewed, not streamed. Fog: no movie.
    rows: dict[type, list[Any]] = {
        MovieRow: [movie("Rain"), movie("École"), movie("Snow"), movie("Wind")],
        StreamRow: [
            session(minute, 9, movie=name) for minute, name in enumerate(("Rain", "RAIN", "éCOLE", "Fog", "Wind"))
        ],
        ReviewRow: [review("rain", "A"), review("RAIN", "B", 1), review("SNOW", "A"), review("Fog", "A")],
    }
    fill(connection, rows)
    expected = {"streamed_movies": 3, "based_on_books": 1, "share": Decimal("0.3333")}
    assert ask_shipped(connection, "share-based-on-books") == expected
    fill(connection, rows, gone_at="2022-01-01T00:00:00Z")  # what was streamed was streamed
    assert ask_shipped(connection, "share-based-on-books") == expected


#                 interval:       10 [----------) 20
@pytest.mark.parametrize(
    ("start", "end", "users"),
    [
        (0, 10, 0),  #            ----
        (0, 11, 1),  #            ------
        (0, 30, 1),  #            ----------------------
        (12, 13, 1),  #                 --
        (10, 10, 1),  #               .
        (19, 30, 1),  #                           ------
        (20, 30, 0),  #                             ----
        (20, 20, 0),  #                             .
    ],
)
def test_a_session_counts_as_affected_at_any_moment_of_the_outage(
    connection: Connection, start: float, end: float, users: int
) -> None:
    fill(connection, {StreamRow: [session(start, end), session(start, end, movie="Snow")]})
    asked = {"movie": "RAIN", "from": at(10).isoformat(), "to": at(20).isoformat()}
    assert ask_shipped(connection, "outage-users", **asked) == {"users": users}
    assert ask_shipped(connection, "outage-users", **{**asked, "from": asked["to"]}) == {"users": 0}


def test_movies_of_a_nationality_are_found_through_books_and_reviews(connection: Connection) -> None:
    authors = {"Ann": "thais", "Bob": "danes", "Cid": None}
    late = (20_000, 20_001)  # in January
    books = {"A": "ANN", "B": "Bob", "C": "Cid"}
    links = (("RAIN", "a"), ("rain", "b"), ("Snow", "b"), ("Wind", "A"), ("Hail", "D"), ("Fog", "A"))
    fill(
        connection,
        {
            MovieRow: [*map(movie, ("Rain", "Snow", "Wind", "Hail"))],
            AuthorRow: [AuthorRow(name, None, None, slug) for name, slug in authors.items()],
            BookRow: [BookRow(title, 1, author, "P") for title, author in books.items()],
            #   Rain: Ann's, in December.  Snow: Bob's.  Wind: Ann's, in January.  Hail: by a book nobody has.
            ReviewRow: [review(*titles) for titles in links],
            StreamRow: [
                session(*minutes, movie=title)
                for title, minutes in {
                    "rain": (0, 1),
                    "Snow": (1, 2),
                    "Hail": (1, 2),
                    "Fog": (1, 2),
                    "Wind": late,
                }.items()
            ],
        },
    )
    asked = {"nationality": "THAIS", "month": "2021-12"}
    assert ask_shipped(connection, "movies-by-nationality", **asked) == {"movies": 1}
    assert ask_shipped(connection, "movies-by-nationality", **asked | {"month": "2022-01"}) == {"movies": 1}
    assert ask_shipped(connection, "movies-by-nationality", **asked | {"nationality": "danes"}) == {"movies": 2}
    assert ask_shipped(connection, "movies-by-nationality", **asked | {"nationality": ""}) == {"movies": 0}


def test_a_month_is_that_of_the_time_zone(connection: Connection) -> None:
    start = datetime(2021, 12, 31, 23, 30, tzinfo=UTC)  # 2022 in Berlin, 2021 in New York
    fill(
        connection,
        {
            MovieRow: [movie("Rain")],
            AuthorRow: [AuthorRow("Ann", None, None, "thais")],
            BookRow: [BookRow("A", 1, "Ann", "P")],
            ReviewRow: [review("Rain", "A")],
            StreamRow: [StreamRow(start, "a@b.c", "Rain", start + timedelta(minutes=10), 1.0)],
        },
    )
    zones = ("UTC", "Europe/Berlin", "America/New_York")
    for month, expected in {"2021-12": [1, 0, 1], "2022-01": [0, 1, 0]}.items():
        asked = {"nationality": "thais", "month": month}
        counts = [ask_shipped(connection, "movies-by-nationality", zone, **asked)["movies"] for zone in zones]
        assert counts == expected


def test_means_and_medians_are_exact_in_decimals(connection: Connection) -> None:
    fill(connection, {StreamRow: [session(0, 1, size_mb=0.1), session(1, 3, size_mb=0.2), session(2, 4, size_mb=900)]})
    assert ask_shipped(connection, "mean-session-seconds") == {"mean_session_s": Decimal("100.000")}
    assert ask_shipped(connection, "median-size-gb") == {"median_size_gb": Decimal("0.000200")}
    fill(connection, {StreamRow: [session(0, 1, size_mb=613.4245936603365), session(1, 1.5, size_mb=330.524118447188)]})
    assert ask_shipped(connection, "mean-session-seconds") == {"mean_session_s": Decimal("45.000")}
    assert ask_shipped(connection, "median-size-gb") == {"median_size_gb": Decimal("0.471974")}


def test_a_user_counts_once_without_case(connection: Connection) -> None:
    sessions = [session(10, 50), session(12, 60, "A@B.C"), session(14, 60, "É@b.c"), session(15, 60, "é@B.c", "RAIN")]
    fill(connection, {MovieRow: [movie("Rain", 40)], StreamRow: sessions})
    asked = {"from": at(0).isoformat(), "to": at(60).isoformat()}
    assert ask_shipped(connection, "outage-users", movie="rain", **asked) == {"users": 2}
    assert ask_shipped(connection, "half-watchers", **asked) == {"users": 2}


#                 period:         0 [------------) 60      a movie of 40 minutes: 20 are a half
@pytest.mark.parametrize(
    ("start", "end", "users"),
    [
        (0, 20, 1),  #              ----
        (0, 19.99, 0),  #           ---
        (-30, 20, 1),  #      ----------
        (-30, 19, 0),  #      ---------     49 minutes, 19 of them in the period
        (41, 100, 0),  #                     --------
        (40, 100, 1),  #                    ---------
        (-9, 100, 1),  #         ---------------------
        (60, 100, 0),  #                         -----
    ],
)
def test_half_of_a_movie_is_watched_in_the_period_and_in_one_session(
    connection: Connection, start: float, end: float, users: int
) -> None:
    quarters = [session(0, 10, "q@b.c", "Snow"), session(10, 20, "q@b.c", "Snow")]
    fill(
        connection,
        {
            MovieRow: [movie("rain", 40), movie("snow", 40)],
            StreamRow: [session(start, end), session(0, 60, "x@b.c", "Fog"), *quarters],
        },
    )
    asked = {"from": at(0).isoformat(), "to": at(60).isoformat()}
    assert ask_shipped(connection, "half-watchers", **asked) == {"users": users}


# Few times, which meet the ends of periods and halves of movies, to the microsecond; names that return in another case.
# More users and movies than that, so that one session decides about each.
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
TITLES = ("Rain", "RAIN", "École", "éCOLE", "Snow", "Fog", "Hail", "Wind")
EMAILS = tuple(f"{letter}@b.c" for letter in "abcdefghijAÉé")
BOOKS = ("Öde", "öDE", "Bay", "BAY")
AUTHORS = ("Ann", "ANN", "Émile", "éMILE")
NATIONALITIES = ("thais", "Thais", "danes", None)


def around(moment: datetime) -> st.SearchStrategy[datetime]:
    """Draw moments at, just before, after and well beside a moment."""
    minutes, micros = st.sampled_from((-100_000, -45, 0, 0, 45, 100_000)), st.sampled_from((-1, 0, 1))
    return st.builds(lambda minute, micro: moment + timedelta(0, 0, micro, 0, minute), minutes, micros)


def unique(rows: list[Any], *key: int) -> list[Any]:
    """Return rows with different keys; the last one of a key stays, as in a load."""
    return [*{tuple(str(row[at]).lower() for at in key): row for row in rows}.values()]


@st.composite
def tables(draw: st.DrawFn, start: datetime, end: datetime) -> dict[type, list[Any]]:
    """Draw the rows of all tables, with sessions around the ends of a period."""
    moments = around(start) | around(end)
    title, book, author = map(st.sampled_from, (TITLES, BOOKS, AUTHORS))
    pairs = st.tuples(moments, moments).map(sorted)
    size = st.sampled_from((0.0, 0.1, 0.2, 330.524118447188, 613.4245936603365, 1e9, 1e-7)) | st.floats(0, 1e6)
    email = st.sampled_from(EMAILS)
    sessions = st.builds(
        lambda pair, user, movie, mb: StreamRow(pair[0], user, movie, pair[1], mb), pairs, email, title, size
    )
    duration = st.sampled_from((1, 90, 91, 180))
    slug = st.sampled_from(NATIONALITIES)
    movies = st.lists(st.builds(movie, title, duration), min_size=4, max_size=16)
    authors = st.lists(st.builds(AuthorRow, author, st.none(), st.none(), slug), min_size=2)
    books = st.lists(st.builds(BookRow, book, st.just(1), author, st.just("P")), min_size=2)
    reviews = st.lists(st.builds(review, title, book, st.integers(0, 3)), min_size=2, max_size=12)
    return {
        MovieRow: unique(draw(movies | st.just([])), 0),
        AuthorRow: unique(draw(authors | st.just([])), 0),
        BookRow: unique(draw(books | st.just([])), 0),
        StreamRow: unique(draw(st.lists(sessions, min_size=8, max_size=30) | st.lists(sessions, max_size=2)), 0, 1, 2),
        ReviewRow: unique(draw(reviews | st.just([])), 0, 1, 2),
    }


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, Period, dict[type, list[Any]]]:
    """Draw a zone, a month in which its clocks may change, its period, and rows around it."""
    zone = draw(st.sampled_from(ZONES))
    year, month = draw(st.sampled_from(((2021, 12), (2021, 10), (2021, 3))))
    start = datetime(year, month, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return zone, f"{year}-{month:02}", Period(start, end), draw(tables(start, end))


@settings(
    max_examples=examples(200),
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(case=cases())
def test_every_answer_is_that_of_plain_python(
    connection: Connection, case: tuple[str, str, Period, dict[type, list[Any]]]
) -> None:
    zone, month, period, rows = case
    fill(connection, rows)
    movies, streams, reviews = rows[MovieRow], rows[StreamRow], rows[ReviewRow]
    within = {"from": period.start.isoformat(), "to": period.end.isoformat()}

    share = reference.share_based_on_books(movies, streams, reviews)
    assert ask_shipped(connection, "share-based-on-books")["share"] == rounded(share, 4)
    for title in {name.lower() for name in TITLES}:
        users = reference.outage_users(streams, title, period)
        assert ask_shipped(connection, "outage-users", movie=title, **within) == {"users": len(users)}
    for slug in ("thais", "DANES"):
        found = reference.movies_by_nationality(movies, streams, reviews, rows[BookRow], rows[AuthorRow], slug, period)
        asked = {"nationality": slug, "month": month}
        assert ask_shipped(connection, "movies-by-nationality", zone, **asked) == {"movies": len(found)}
    mean = rounded(reference.mean_session_seconds(streams), 3)
    assert ask_shipped(connection, "mean-session-seconds") == {"mean_session_s": mean}
    half = reference.half_watchers(movies, streams, period)
    assert ask_shipped(connection, "half-watchers", **within) == {"users": len(half)}

    sizes = sorted(Fraction(repr(stream.size_mb)) for stream in streams)  # as decimals, not in binary
    middle = (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) / 2000 if sizes else None
    assert ask_shipped(connection, "median-size-gb") == {"median_size_gb": rounded(middle, 6)}
    binary = reference.median_size_gb([stream.size_mb for stream in streams])
    assert binary == (None if middle is None else pytest.approx(middle, rel=1e-12))
