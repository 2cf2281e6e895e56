"""Authors, books and reviews, as the vendor dumps them."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from metrics.catalogue.generate import names
from metrics.catalogue.generate.made import (
    BEFORE_BIRTH,
    BEFORE_CREATED,
    BLOCK,
    FIELD,
    IN_THE_FUTURE,
    KEPT,
    MOVIES,
    REPEATED,
    Draw,
    Made,
    draws,
    mix,
    numbers_of,
    one_of,
    scatter,
)
from metrics.catalogue.generate.reference import AuthorRow, BookRow, ReviewRow
from metrics.catalogue.generate.times import SPAN_MS, START, format_time

AUTHORS, REVIEWS = 200, 501  # reviews: of scale 1
FUTURE_YEAR = 2_100  # a death from this year on is in the future

_NO_NATIONALITY = {"id": None, "label": "", "slug": None}
_UNKNOWN = {"id": None, "label": "unknown", "slug": None}
_RATES = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX")
_BASED = tuple(title for number, title in enumerate(names.MOVIE_TITLES[: -len(names.RARE_MOVIES)]) if number % 8 != 7)


def author_rows(seed: int) -> list[AuthorRow]:
    """Return the authors: four Singaporeans, some without a nationality or a date of birth."""
    draw = draws(seed, 0)
    return [_author_row(number, draw) for number in range(AUTHORS)]


def _author_row(number: int, draw: Draw) -> AuthorRow:
    label = names.SINGAPOREANS if number % 50 == 0 else one_of(names.NATIONALITIES, draw)
    born = date(1925, 1, 1) + timedelta(days=int(draw() * 75 * 365))
    died_in_past = date(2002, 1, 1) + timedelta(days=int(draw() * 18 * 365))
    died = {0: died_in_past, 5: date(FUTURE_YEAR, 1, 1) + timedelta(days=int(draw() * 9_000))}.get(number % 10)
    if number == 99:
        died = born - timedelta(days=1)
    return AuthorRow(
        names.author_name(number),
        None if number % 40 in (13, 14) else born,
        died,
        None if number % 25 == 24 else label.lower(),
    )


def authors(seed: int) -> list[Made]:
    """Return the records of all authors."""
    draw = draws(seed, 1)
    rows = author_rows(seed)
    kept = [_author(row, draw) for row in rows]
    del kept[14].written["metadata"]["birth_date"]  # one that is not known may be left out
    kept[17].written["note"] = "a field that the catalogue does not know"
    earlier = {
        position: _author(rows[position]._replace(name=rows[position].name.upper(), nationality="danes"), draw)
        for position in (25, 30, 180)
    }
    repeated = {position: made._replace(outcome=REPEATED) for position, made in earlier.items()}
    return mix(kept, draw, repeated=repeated, wrong=_wrong_authors())


def _author(row: AuthorRow, draw: Draw) -> Made:
    slug = row.nationality
    nationalities = [{"id": None, "label": slug.title(), "slug": slug} if slug else _UNKNOWN]
    nationalities.insert(int(draw() * 2), _NO_NATIONALITY)
    metadata = {"name": row.name, "birth_date": _midnight(row.birth_date), "died_at": _midnight(row.died_at)}
    remark = ""
    if row.died_at and row.died_at.year >= FUTURE_YEAR:
        remark = IN_THE_FUTURE
    elif row.died_at and row.birth_date and row.died_at < row.birth_date:
        remark = BEFORE_BIRTH
    return Made({"metadata": metadata, "nationalities": nationalities}, remark=remark)


def _midnight(day: date | None) -> str | None:
    return None if day is None else f"{day}T00:00:00.000+0000"


def _wrong_authors() -> Iterator[Made]:
    """Yield one wrong author of each kind."""
    dates = {"birth_date": "1956-05-07T00:00:00.000+0000", "died_at": None}
    unknown = [_NO_NATIONALITY, _UNKNOWN]
    named = {"name": "Noor Wrong", **dates}
    for record in (
        {"metadata": {"name": None, "birth_date": None, "died_at": None}, "nationalities": unknown},
        {"metadata": {"name": "", **dates}, "nationalities": unknown},
        {"metadata": dates, "nationalities": unknown},
        {"metadata": {"name": 17, **dates}, "nationalities": unknown},
        {"metadata": {"name": "Noor \0", **dates}, "nationalities": unknown},
        {"metadata": {"name": "Noor", "birth_date": "in spring", "died_at": 0}, "nationalities": unknown},
        {"metadata": [], "nationalities": unknown},
        {"metadata": named, "nationalities": "danes"},
        {"metadata": named, "nationalities": [{"id": None, "label": "Danes", "slug": 5}]},
        {"nationalities": unknown},
        None,
        ["Noor Wrong"],
    ):
        yield Made(record, FIELD)


def book_rows(seed: int) -> list[BookRow]:
    """Return the books: the first four by Singaporeans, some by authors that are not known."""
    draw = draws(seed, 2)
    rows = []
    for number, title in enumerate(names.BOOK_TITLES):
        author = names.author_name(number * 50 if number < 4 else int(draw() * AUTHORS))
        if number % 13 == 12:
            author = f"Unknown {author}"
        elif number % 17 == 3:
            author = author.upper()
        rows.append(BookRow(title, 173 + int(draw() * 9_725), author, one_of(names.PUBLISHERS, draw)))
    return rows


def books(seed: int) -> list[Made]:
    """Return the records of all books."""
    rows = book_rows(seed)
    repeated = {
        position: Made(_book(rows[position]._replace(title=rows[position].title.upper(), author="Nobody")), REPEATED)
        for position in (2, 101)
    }
    return mix([Made(_book(row)) for row in rows], draws(seed, 3), repeated=repeated, wrong=_wrong_books())


def _book(row: BookRow) -> dict[str, Any]:
    return {"name": row.title, "pages": row.pages, "author": row.author, "publisher": row.publisher}


def _wrong_books() -> Iterator[Made]:
    """Yield one book for each way of being wrong."""
    right = {"name": "A Wrong Book", "pages": 100, "author": "Noor Wrong", "publisher": "Birch House"}
    for wrong in (
        {"name": ""},
        {"name": None},
        {"pages": "unknown"},
        {"pages": -1},
        {"pages": 99.5},
        {"pages": None, "author": 7},
        {"publisher": "Birch\0House"},
    ):
        yield Made(right | wrong, FIELD)
    yield Made({name: value for name, value in right.items() if name != "name"}, FIELD)


def review_rows(seed: int, scale: int, block: int) -> list[ReviewRow]:
    """Return the reviews of a block, each with its own time of creation."""
    draw, count = draws(seed, 4, block), REVIEWS * scale
    rows = [_review_row(scatter(number, count), count, draw) for number in numbers_of(block, count)]
    return rows + (list(_rare_review_rows()) if block == 0 else [])


def _review_row(slot: int, count: int, draw: Draw) -> ReviewRow:
    first, after = slot * SPAN_MS // count, (slot + 1) * SPAN_MS // count
    movie = one_of(_BASED if draw() < 0.5 else names.OTHER_MOVIE_TITLES, draw)
    book = (len(movie) * 5 + ord(movie[-1]) + int(draw() * 3) * 37) % len(names.BOOK_TITLES)
    return ReviewRow(
        START + timedelta(milliseconds=first + int(draw() * (after - first))),
        movie.upper(),
        names.BOOK_TITLES[book].upper(),
        1 + int(draw() * 5),
        " ".join(one_of(names.WORDS, draw) for _ in range(6)).capitalize() + ".",
        START + timedelta(milliseconds=int(draw() * SPAN_MS)),
    )


def _rare_review_rows() -> Iterator[ReviewRow]:
    """Yield reviews of the movies at the edges of December, all based on books by Singaporeans."""
    for number, movie in enumerate((*names.RARE_MOVIES, names.OUTAGE_MOVIE)):
        created = START + timedelta(days=number)
        text = 'She said: "É, ö",\nand\tleft \\ again.'
        yield ReviewRow(created, movie, names.BOOK_TITLES[number % 4].upper(), 5, text, created)


def reviews(seed: int, scale: int, block: int) -> list[Made]:
    """Return the records of a block of reviews."""
    draw = draws(seed, 5, block)
    rows = review_rows(seed, scale, block)
    kept = [_made_review(row, KEPT, draw) for row in rows]
    repeated = {
        position: _made_review(_earlier(row), REPEATED, draw)
        for position, row in enumerate(rows)
        if position % 100 == 0
    }
    wrong = _wrong_reviews(rows[0], draw) if len(rows) > BLOCK // 2 else ()
    return mix(kept, draw, repeated=repeated, wrong=wrong)


def _earlier(row: ReviewRow) -> ReviewRow:
    """Return a review as it was before its author edited it."""
    return row._replace(movie_title=row.movie_title.lower(), rating=1, text="At first.", updated_at=row.created_at)


def _made_review(row: ReviewRow, outcome: str, draw: Draw) -> Made:
    return Made(_review(row, draw), outcome, BEFORE_CREATED if row.updated_at < row.created_at else "")


def _review(row: ReviewRow, draw: Draw) -> dict[str, Any]:
    share = draw()
    placeholder = "end" if share < 0.9 else "" if share < 0.95 else None
    movies = [{"id": 0, "title": row.movie_title}]
    movies.insert(int(draw() * 2), {"id": 0, "title": placeholder})
    return {
        "content": {"text": row.text},
        "rating": {"rate": row.rating, "label": _RATES[row.rating]},
        "books": [{"id": None, "metadata": {"title": row.book_title, "pages": "unknown"}}],
        "movies": movies,
        "updated": format_time(row.updated_at),
        "created": format_time(row.created_at),
    }


def _wrong_reviews(row: ReviewRow, draw: Draw) -> Iterator[Made]:
    """Yield one wrong review of each kind."""
    right = _review(row, draw)
    end, movie = {"id": 0, "title": "end"}, {"id": 0, "title": "RAIN"}
    for movies in ([], [end, end], [end, {"id": 0, "title": ""}], [movie, {"id": 0, "title": "SNOW"}]):
        yield Made(right | {"movies": movies}, MOVIES)
    wrong: dict[str, Any]
    for wrong in (
        {"rating": {"rate": 0, "label": "ZERO"}},
        {"rating": {"rate": 6, "label": "SIX"}},
        {"rating": {"rate": "five", "label": "FIVE"}},
        {"rating": {"rate": 2.5, "label": "TWO"}, "created": "2021-12-06T19:30:19.099"},
        {"books": []},
        {"books": [{"id": None, "metadata": {"title": "", "pages": "unknown"}}]},
        {"created": "2021-12-06T19:30:19.099"},
        {"updated": "soon"},
        {"content": {"text": None}},
        {"content": {"text": "One\0"}},
        {"content": {}, "rating": {}},
    ):
        yield Made(right | wrong, FIELD)
    yield Made({name: value for name, value in right.items() if name != "created"}, FIELD)
    yield Made(17, FIELD)
