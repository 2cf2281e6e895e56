"""Movies, users and sessions, as the streaming company has them."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType

from metrics.catalogue.generate import names
from metrics.catalogue.generate.made import (
    BLOCK,
    CELLS,
    FIELD,
    KEPT,
    LONGER,
    ORDER,
    REPEATED,
    Draw,
    Made,
    blocks_of,
    draws,
    mix,
    numbers_of,
    one_of,
    scatter,
)
from metrics.catalogue.generate.reference import MovieRow, StreamRow, UserRow
from metrics.catalogue.generate.times import LAST_WEEK, OUTAGE, SPAN_MS, START, format_time

USERS, STREAMS = 783, 9_652  # of scale 1
EDGE_USERS = 20  # the first users, who have only the sessions at the edges of the questions' periods
DAY_MS = 86_400_000
MOVIES_HEADER = ("title", "duration_mins", "original_language", "size_mb")
USERS_HEADER = ("first_name", "last_name", "email")
STREAMS_HEADER = ("movie_title", "user_email", "size_mb", "start_at", "end_at")

_MINUTE, _MS = timedelta(minutes=1), timedelta(milliseconds=1)
_UNKNOWN_MOVIE, _UNKNOWN_USER = "Withdrawn", "gone@nowhere.example"


@cache
def movie_rows(seed: int) -> tuple[MovieRow, ...]:
    """Return the movies."""
    draw = draws(seed, 0)
    return tuple(
        MovieRow(title, 47 + int(draw() * 112), one_of(names.LANGUAGES, draw), 507 + int(draw() * 1_875))
        for title in names.MOVIE_TITLES
    )


def movies(seed: int) -> list[Made]:
    """Return the records of all movies."""
    rows = movie_rows(seed)
    repeated = {
        position: Made(_movie(rows[position]._replace(title=rows[position].title.upper(), duration_mins=1)), REPEATED)
        for position in (3, 90)
    }
    return mix([Made(_movie(row)) for row in rows], draws(seed, 1), repeated=repeated, wrong=_wrong_movies())


def _movie(row: MovieRow) -> tuple[str, ...]:
    return row.title, str(row.duration_mins), row.original_language, str(row.size_mb)


def _wrong_movies() -> Iterator[Made]:
    """Yield one wrong movie of each kind."""
    yield Made(("A Wrong Movie", "100", "Thai"), CELLS)
    yield Made(("A Wrong Movie", "100", "Thai", "900", "PG"), CELLS)
    yield Made(("", "100", "Thai", "900"), FIELD)
    yield Made(("A Wrong Movie", "0", "Thai", "900"), FIELD)
    yield Made(("A Wrong Movie", "two hours", "Thai", "900"), FIELD)
    yield Made(("A Wrong Movie", "100", "Thai\0", "900"), FIELD)
    yield Made(("A Wrong Movie", "100", "Thai", "-1"), FIELD)
    yield Made(("A Wrong Movie", "99.5", "Thai", "NaN"), FIELD)


def user_rows(scale: int, block: int) -> list[UserRow]:
    """Return the users of a block."""
    count = USERS * scale
    return [_user_row(scatter(number, count)) for number in numbers_of(block, count)]


def _user_row(number: int) -> UserRow:
    first, last = names.full_name(number)
    return UserRow(names.email(number), first, {0: f"{last}, Jr.", 1: f'"{last}"', 2: f"van\n{last}"}.get(number, last))


def users(seed: int, scale: int, block: int) -> list[Made]:
    """Return the records of a block of users."""
    rows = user_rows(scale, block)
    repeated = {
        position: Made(_user(row._replace(email=row.email.upper(), last_name="Maiden")), REPEATED)
        for position, row in enumerate(rows)
        if position % 200 == 0
    }
    wrong = _wrong_users() if len(rows) > BLOCK // 2 else ()
    return mix([Made(_user(row)) for row in rows], draws(seed, 6, block), repeated=repeated, wrong=wrong)


def _user(row: UserRow) -> tuple[str, ...]:
    return row.first_name, row.last_name, row.email


def _wrong_users() -> Iterator[Made]:
    """Yield one wrong user of each kind."""
    yield Made(("Noor", "noor.wrong@elm.example"), CELLS)
    yield Made(("Noor", "van", "Wrong", "noor.wrong@elm.example"), CELLS)
    yield Made(("Noor", "Wrong", ""), FIELD)
    yield Made(("No\0or", "Wrong", "noor.wrong@elm.example"), FIELD)
    yield Made(("Noor", "Wrong", "noor@" + 300 * "x"), FIELD)


def stream_rows(seed: int, scale: int, block: int) -> list[StreamRow]:
    """Return the sessions of a block, each with its own start; in the first block, also those at the edges."""
    draw, count, last_movie = draws(seed, 7, block), STREAMS * scale, len(names.MOVIE_TITLES) - len(names.RARE_MOVIES)
    streamed, users_count = movie_rows(seed)[:last_movie], USERS * scale
    rows = []
    for number in numbers_of(block, count):
        slot = scatter(number, count)
        first, after = slot * SPAN_MS // count, (slot + 1) * SPAN_MS // count
        start = START + timedelta(milliseconds=first + int(draw() * (after - first)))
        user = EDGE_USERS + int(draw() * (users_count - EDGE_USERS))
        rows.append(_stream_row(start, names.email(user), one_of(streamed, draw), draw))
    return rows + (list(_edge_rows(seed)) if block == 0 else [])


def _stream_row(start: datetime, email: str, movie: MovieRow, draw: Draw) -> StreamRow:
    longest_ms = DAY_MS if draw() < 0.5 else movie.duration_mins * 70_000
    title, share = movie.title, draw()
    if share < 0.01:
        title = title.upper()
    elif share < 0.02:
        email = email.upper()
    elif share < 0.023:
        title = _UNKNOWN_MOVIE
    elif share < 0.026:
        email = _UNKNOWN_USER
    end = start + timedelta(milliseconds=int(draw() * longest_ms))
    return StreamRow(start, email, title, end, draw() * 1.6 * movie.size_mb)


def _edge_rows(seed: int) -> Iterator[StreamRow]:
    """Yield sessions at the edges of the outage, of December, and of a movie's half; the users have no others."""
    movie = movie_rows(seed)[5]
    half, (start, end), (week, _), hour = movie.duration_mins * _MINUTE / 2, OUTAGE, LAST_WEEK, timedelta(hours=1)
    new_year = datetime(2022, 1, 1, tzinfo=UTC)
    for user, title, start_at, end_at in (
        (0, names.OUTAGE_MOVIE, start - hour, start),  # it ended when the outage started: not affected
        (1, names.OUTAGE_MOVIE, end, end + hour),  # it started when the outage ended: not affected
        (2, names.OUTAGE_MOVIE, start - hour, end + hour),  # around all of it
        (3, names.OUTAGE_MOVIE, start, start),  # without length, at its first moment
        (4, names.OUTAGE_MOVIE, end, end),  # without length, at its end: not affected
        (5, names.OUTAGE_MOVIE.upper(), start + hour, start + hour),
        (6, names.OUTAGE_MOVIE, end - _MS, end + hour),
        (7, names.OUTAGE_MOVIE, start - hour, start + _MS),
        (7, names.OUTAGE_MOVIE.lower(), start + hour, end),  # the same user again
        (8, names.OUTAGE_MOVIE, start - 2 * hour, start - _MS),  # before and after it: not affected
        (8, names.OUTAGE_MOVIE, end + hour, end + 2 * hour),
        (9, movie.title, start + hour, start + 2 * hour),  # of another movie: not affected
        (10, movie.title, week, week + half),  # exactly half
        (11, movie.title, week, week + half - _MS),  # not quite half
        (12, movie.title, week - hour, week + half - _MS),  # more than half, but not of it within the week
        (13, movie.title, week, week + half / 2),  # twice a quarter is not a half
        (13, movie.title, week + hour, week + hour + half / 2),
        (14, names.NOVEMBER_MOVIE, START - hour, START),  # before December
        (15, names.CROSSING_MOVIE, START - 2 * hour, START + 2 * hour),  # into December
        (16, names.NEW_YEAR_MOVIE, new_year, new_year + hour),  # after December, also in UTC
    ):
        yield StreamRow(start_at, names.email(user), title, end_at, 100.0 + user)


def streams(seed: int, scale: int, block: int) -> list[Made]:
    """Return the records of a block of sessions; the first block also has earlier ones of the last block."""
    draw, last_block = draws(seed, 5, block), blocks_of(STREAMS * scale) - 1
    rows, durations = stream_rows(seed, scale, block), _durations(seed)
    repeated = {
        position: _made_stream(_earlier(row), REPEATED, durations)
        for position, row in enumerate(rows)
        if position % 100 == 0
    }
    made = mix(
        [_made_stream(row, KEPT, durations) for row in rows], draw, repeated=repeated, wrong=_wrong_streams(rows[0])
    )
    if block == 0:
        made += [
            _made_stream(_earlier(row), REPEATED, durations) for row in stream_rows(seed, scale, last_block)[1:100:10]
        ]
    return made


@cache
def _durations(seed: int) -> Mapping[str, timedelta]:
    return MappingProxyType({movie.title.lower(): movie.duration_mins * _MINUTE for movie in movie_rows(seed)})


def _earlier(row: StreamRow) -> StreamRow:
    """Return a session as it was reported while in progress: its start at another offset, its key in another case."""
    return StreamRow(
        row.start_at.astimezone(UTC),
        row.user_email.upper(),
        row.movie_title.upper(),
        row.start_at + (row.end_at - row.start_at) // (2 * _MS) * _MS,
        row.size_mb / 2,
    )


def _made_stream(row: StreamRow, outcome: str, durations: Mapping[str, timedelta]) -> Made:
    duration = durations.get(row.movie_title.lower())
    remark = LONGER if duration is not None and row.end_at - row.start_at > duration else ""
    return Made(_stream(row), outcome, remark)


def _stream(row: StreamRow) -> tuple[str, ...]:
    return row.movie_title, row.user_email, repr(row.size_mb), format_time(row.start_at), format_time(row.end_at)


def _wrong_streams(row: StreamRow) -> Iterator[Made]:
    """Yield one wrong session of each kind."""
    movie, user, size, start, end = right = _stream(row)
    yield Made(right[:4], CELLS)
    yield Made((*right, "HD"), CELLS)
    yield Made(("", user, size, start, end), FIELD)
    yield Made((movie, "", size, start, end), FIELD)
    yield Made((movie + "\0", user, size, start, end), FIELD)
    for wrong in ("NaN", "-0.5", "Infinity", "1e400", "large", ""):
        yield Made((movie, user, wrong, start, end), FIELD)
    for wrong in (start[:-5], "yesterday", "2021-12-32T00:00:00.000+0100"):
        yield Made((movie, user, size, wrong, end), FIELD)
    yield Made((movie, user, "NaN", start, end[:-5]), FIELD)
    yield Made((movie, user, size, end, format_time(row.end_at - _MS)), ORDER)
