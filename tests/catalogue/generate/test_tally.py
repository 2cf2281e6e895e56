import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalogue.generate import names, reference
from metrics.catalogue.generate.made import blocks_of, draws, numbers_of, scatter
from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, ReviewRow, StreamRow
from metrics.catalogue.generate.tally import QuestionTally, SizeHistogram
from metrics.catalogue.generate.times import DECEMBER, LAST_WEEK, OUTAGE, START

MOVIES = [MovieRow(title, 60, "Thai", 900) for title in ("Unforgiven", "Rain", "Snow", "École")]
AUTHORS = [AuthorRow("Lim", None, None, "singaporeans"), AuthorRow("Tan", None, None, "danes")]
BOOKS = [BookRow("One", 1, "LIM", ""), BookRow("Two", 1, "tan", "")]

sizes = st.one_of(st.floats(0, 3_999), st.sampled_from([0.0, 1 / 16, 1.0, 1 + 2**-40, 2_000.0]))


def times(near: Sequence[datetime]) -> st.SearchStrategy[datetime]:
    """Draw moments near some others, or at them."""
    return st.builds(
        lambda time, minutes: time + timedelta(minutes=minutes), st.sampled_from(near), st.integers(-45, 45)
    )


moments = times([START, *OUTAGE, *LAST_WEEK, *DECEMBER])
streams = st.builds(
    lambda start, user, title, minutes, size: StreamRow(start, user, title, start + timedelta(minutes=minutes), size),
    moments,
    st.sampled_from(["ann@b.c", "ANN@b.c", "zoé@b.c", "ZOÉ@b.c", "bob@b.c"]),
    st.sampled_from(["Unforgiven", "UNFORGIVEN", "rain", "Rain", "éCOLE", "Lost"]),
    st.sampled_from([0, 1, 29, 30, 31, 90, 700]),
    sizes,
)
reviews = st.builds(
    lambda movie, book: ReviewRow(START, movie, book, 1, "", START),
    st.sampled_from(["RAIN", "Snow", "École", "unforgiven", "Other"]),
    st.sampled_from(["ONE", "two", "Three"]),
)


def rounded(number: Fraction | None, decimals: int) -> float | None:
    return None if number is None else math.floor(number * 10**decimals + Fraction(1, 2)) / 10**decimals


@given(st.lists(st.lists(streams, max_size=6), max_size=4), st.lists(reviews, max_size=6))
def test_answers_of_blocks_are_the_references_of_all(blocks: list[list[StreamRow]], written: list[ReviewRow]) -> None:
    tally = QuestionTally(MOVIES, AUTHORS, BOOKS, written)
    for block in blocks:
        tally.count(block)
    every = [stream for block in blocks for stream in block]
    answers = tally.answers(stream.size_mb for stream in every)
    share = reference.share_based_on_books(MOVIES, every, written)
    of_singaporeans = reference.movies_by_nationality(MOVIES, every, written, BOOKS, AUTHORS, "singaporeans", DECEMBER)
    assert answers["share-based-on-books"]["result"]["share"] == rounded(share, 4)
    assert answers["outage-users"]["result"] == {"users": len(reference.outage_users(every, "Unforgiven", OUTAGE))}
    assert answers["movies-by-nationality"]["result"] == {"movies": len(of_singaporeans)}
    assert answers["mean-session-seconds"]["result"]["mean_session_s"] == rounded(
        reference.mean_session_seconds(every), 3
    )
    assert answers["median-size-gb"]["result"]["median_size_gb"] == rounded(
        reference.median_size_gb([stream.size_mb for stream in every]), 6
    )
    assert answers["half-watchers"]["result"] == {"users": len(reference.half_watchers(MOVIES, every, LAST_WEEK))}


@given(st.lists(sizes))
def test_the_median_in_two_passes_is_that_of_the_sorted_sizes(values: list[float]) -> None:
    histogram = SizeHistogram()
    histogram.count(values)
    assert histogram.median_gb(reversed(values)) == reference.median_size_gb(values)


def test_a_tie_is_rounded_half_up_as_the_database_does() -> None:
    tally = QuestionTally(MOVIES, AUTHORS, BOOKS, [])
    lasting = [StreamRow(START, "a@b.c", "Rain", START + timedelta(milliseconds=ms), 1.0) for ms in (0, 5)]
    tally.count(lasting)
    answers = tally.answers(stream.size_mb for stream in lasting)
    assert answers["mean-session-seconds"]["result"] == {"mean_session_s": 0.003}  # of 2.5 ms


@pytest.mark.parametrize("count", [501, 783, 9_652, 50_100])
def test_scattered_numbers_are_a_permutation(count: int) -> None:
    assert {scatter(number, count) for number in range(count)} == set(range(count))


@given(st.integers(1, 100_000).flatmap(lambda scale: st.sampled_from([501 * scale, 783 * scale, 9_652 * scale])))
def test_every_scale_scatters(count: int) -> None:
    assert math.gcd(scatter(1, count), count) == 1


@given(st.integers(1, 5_000))
def test_blocks_have_every_number_once(count: int) -> None:
    assert [number for block in range(blocks_of(count)) for number in numbers_of(block, count)] == list(range(count))


def test_each_email_title_and_author_is_unique_without_case() -> None:
    assert len({names.email(number).lower() for number in range(50_000)}) == 50_000
    assert len({names.author_name(number).lower() for number in range(200)}) == 200
    assert len({title.lower() for title in (*names.MOVIE_TITLES, *names.OTHER_MOVIE_TITLES)}) == 91 + 9
    assert len({title.lower() for title in names.BOOK_TITLES}) == 103


def test_letters_fold_alike_in_python_and_by_simple_case_mapping() -> None:
    texts = (*names.MOVIE_TITLES, *names.BOOK_TITLES, *names.FIRST_NAMES, *names.LAST_NAMES, *names.OTHER_MOVIE_TITLES)
    for letter in set("".join(texts)):
        assert len(letter.lower()) == len(letter.upper()) == 1
        assert letter.upper().lower() == letter.lower()


def test_sequences_of_a_seed_and_of_its_blocks_differ() -> None:
    first = [draws(seed, sequence, block)() for seed in (0, 1) for sequence in range(8) for block in (0, 1)]
    assert len(set(first)) == 32
