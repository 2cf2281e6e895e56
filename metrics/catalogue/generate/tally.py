"""The answers: what each load must report, and the six questions, counted while the files are written.

All rules of the questions are those of the reference, applied to one block of sessions at a time; only sets of titles
and users, two sums and a histogram of sizes are kept. The median needs a second pass over the sizes.
"""

import math
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from fractions import Fraction
from typing import Any

from metrics.catalogue.generate import reference
from metrics.catalogue.generate.made import KEPT, REPEATED, Made
from metrics.catalogue.generate.names import OUTAGE_MOVIE, SINGAPOREANS
from metrics.catalogue.generate.reference import AuthorRow, BookRow, MovieRow, ReviewRow, StreamRow
from metrics.catalogue.generate.times import DECEMBER, LAST_WEEK, OUTAGE

_BUCKETS_OF_MB = 16  # of the histogram, for each megabyte
_BUCKETS = _BUCKETS_OF_MB * 4_000  # no session has 4,000 MB


class LoadTally:
    """Counts of one file: what its first load must report."""

    def __init__(self) -> None:
        self._outcomes: Counter[str] = Counter()
        self._remarks: Counter[str] = Counter()

    @property
    def read(self) -> int:
        """Number of records so far."""
        return self._outcomes.total()

    def count(self, made: Iterable[Made]) -> None:
        """Count records."""
        for record in made:
            self._outcomes[record.outcome] += 1
            if record.remark:
                self._remarks[record.remark] += 1

    def answer(self) -> dict[str, Any]:
        """Return the counts, named as a load reports them."""
        reasons = {
            reason: number for reason, number in sorted(self._outcomes.items()) if reason not in (KEPT, REPEATED)
        }
        return {
            "read": self.read,
            "inserted": self._outcomes[KEPT],
            "repeated": self._outcomes[REPEATED],
            "rejected": sum(reasons.values()),
            "rejected_by_reason": reasons,
            "remarks": dict(sorted(self._remarks.items())),
        }


class QuestionTally:
    """Answers to the six questions, over sessions that come block by block.

    Args:
        movies, authors, books: all of them.
        reviews: all, or one for each pair of a movie and a book.
    """

    def __init__(
        self,
        movies: Sequence[MovieRow],
        authors: Sequence[AuthorRow],
        books: Sequence[BookRow],
        reviews: Collection[ReviewRow],
    ) -> None:
        self._movies, self._authors, self._books, self._reviews = movies, authors, books, reviews
        self._streamed: dict[str, StreamRow] = {}  # by title: one session is enough
        self._affected: set[str] = set()
        self._in_month: set[str] = set()
        self._watchers: set[str] = set()
        self._total_s = Fraction()
        self._sizes = SizeHistogram()

    def count(self, streams: Sequence[StreamRow]) -> None:
        """Count a block of sessions, which holds no two of one key."""
        self._streamed.update((stream.movie_title.lower(), stream) for stream in streams)
        self._affected |= reference.outage_users(streams, OUTAGE_MOVIE, OUTAGE)
        self._in_month |= reference.movies_by_nationality(
            self._movies, streams, self._reviews, self._books, self._authors, SINGAPOREANS, DECEMBER
        )
        self._watchers |= reference.half_watchers(self._movies, streams, LAST_WEEK)
        self._total_s += (reference.mean_session_seconds(streams) or 0) * len(streams)
        self._sizes.count(stream.size_mb for stream in streams)

    def answers(self, sizes_mb: Iterable[float]) -> dict[str, Any]:
        """Return the questions by name: their parameters, and the row of their result, rounded as the queries do.

        Args:
            sizes_mb: of the same sessions, in any order.
        """
        streamed = self._streamed.values()
        share = reference.share_based_on_books(self._movies, streamed, self._reviews)
        all_streamed = reference.streamed_movies(self._movies, streamed)
        outage = {"movie": OUTAGE_MOVIE, **_format_period(OUTAGE)}
        month = {"nationality": SINGAPOREANS.lower(), "month": f"{DECEMBER.start:%Y-%m}"}
        mean = self._total_s / self._sizes.total if self._sizes.total else None
        return {
            "share-based-on-books": _question(
                {},
                streamed_movies=len(all_streamed),
                based_on_books=int((share or 0) * len(all_streamed)),
                share=_round(share, 4),
            ),
            "outage-users": _question(outage, users=len(self._affected)),
            "movies-by-nationality": _question(month, movies=len(self._in_month)),
            "mean-session-seconds": _question({}, mean_session_s=_round(mean, 3)),
            "median-size-gb": _question({}, median_size_gb=_round(self._sizes.median_gb(sizes_mb), 6)),
            "half-watchers": _question(_format_period(LAST_WEEK), users=len(self._watchers)),
        }


class SizeHistogram:
    """Histogram of sizes, to find their median in two passes without keeping them."""

    def __init__(self) -> None:
        self._counts = array("q", bytes(8 * _BUCKETS))
        self.total = 0

    def count(self, sizes_mb: Iterable[float]) -> None:
        """Count sizes."""
        for size_mb in sizes_mb:
            self._counts[_bucket(size_mb)] += 1
            self.total += 1

    def median_gb(self, sizes_mb: Iterable[float]) -> Fraction | None:
        """Return the median of the sizes counted, which are passed again.

        Only those in the buckets of the two in the middle matter. Leaving out equal numbers of the smallest and of the
        largest sizes does not change the median.
        """
        first, below = self._bucket_at((self.total - 1) // 2)
        last, _ = self._bucket_at(self.total // 2)
        middle = [size_mb for size_mb in sizes_mb if first <= _bucket(size_mb) <= last]
        above = self.total - below - len(middle)
        smaller, larger = max(0, below - above), max(0, above - below)
        return reference.median_size_gb([0.0] * smaller + middle + [math.inf] * larger)

    def _bucket_at(self, rank: int) -> tuple[int, int]:
        """Return the bucket that contains the size of a rank, and the number of sizes in those before it."""
        below = 0
        for bucket, number in enumerate(self._counts):
            if below + number > rank:
                return bucket, below
            below += number
        return _BUCKETS, below


def _bucket(size_mb: float) -> int:
    return int(size_mb * _BUCKETS_OF_MB)


def _question(parameters: dict[str, str], **result: float | None) -> dict[str, Any]:
    return {"parameters": parameters, "result": result}


def _format_period(period: reference.Period) -> dict[str, str]:
    return {"from": period.start.isoformat(), "to": period.end.isoformat()}


def _round(number: Fraction | None, decimals: int) -> float | None:
    """Return a number rounded half up, as PostgreSQL's numeric rounds what is not negative."""
    return None if number is None else math.floor(number * 10**decimals + Fraction(1, 2)) / 10**decimals
