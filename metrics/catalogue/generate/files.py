"""The six files and their answers: they appear when all of them are complete, or not at all."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

from metrics.catalogue.generate import internal, vendor
from metrics.catalogue.generate.made import Made, blocks_of
from metrics.catalogue.generate.tally import LoadTally, QuestionTally
from metrics.files import atomic
from metrics.wording.errors import FileError, SettingsError

ANSWERS = "answers.json"
MAX_SCALE = 100_000  # 120 GB; each session starts in a millisecond of its own, of the 2.6 billion in a month
_LESS = "generate less: a lower --scale"
_STYLE: dict[str, Any] = {"indent": 4, "ensure_ascii": False, "separators": (",", ":")}  # of the real files


class _File(NamedTuple):
    """A file of records.

    Attributes:
        model: of its records.
        header: names of the columns; none for a JSON array.
        blocks: number of blocks of its records.
        make: makes a block.
    """

    model: str
    path: str
    header: Sequence[str]
    blocks: int
    make: Callable[[int], list[Made]]


def _files(seed: int, scale: int) -> list[_File]:
    """Return the files, in an order in which their loads can make every remark: movies before sessions."""
    users, streams, reviews = (blocks_of(count * scale) for count in (internal.USERS, internal.STREAMS, vendor.REVIEWS))
    return [
        _File("movie", "internal/movies.csv", internal.MOVIES_HEADER, 1, lambda _: internal.movies(seed)),
        _File("user", "internal/users.csv", internal.USERS_HEADER, users, lambda b: internal.users(seed, scale, b)),
        _File(
            "stream",
            "internal/streams.csv",
            internal.STREAMS_HEADER,
            streams,
            lambda b: internal.streams(seed, scale, b),
        ),
        _File("author", "vendor/authors.json", (), 1, lambda _: vendor.authors(seed)),
        _File("book", "vendor/books.json", (), 1, lambda _: vendor.books(seed)),
        _File("review", "vendor/reviews.json", (), reviews, lambda b: vendor.reviews(seed, scale, b)),
    ]


def steps_of(scale: int) -> int:
    """Return the number of steps in which files are written, for a progress bar."""
    streams, reviews = blocks_of(internal.STREAMS * scale), blocks_of(vendor.REVIEWS * scale)
    return sum(file.blocks for file in _files(0, scale)) + reviews + 2 * streams


def write(folder: Path, *, scale: int, seed: int, move: Callable[[int], None]) -> int:
    """Write the six files and answers.json to a folder, created if it is missing; return the number of records.

    Files that an earlier run wrote are replaced. Equal arguments give equal bytes.

    Args:
        scale: how many times the sessions, users and reviews of the real files. One block of records is in memory,
            and the emails of users who watched half of a movie.
        move: shows how many steps are done.

    Raises:
        SettingsError: an argument is not allowed; names every one that is not.
        FileError: the folder has such files that were not generated, or cannot be written to.
    """
    _require_allowed(scale, seed)
    files = _files(seed, scale)
    _require_own(folder, files)
    steps = _Steps(move)
    loads: dict[str, Any] = {}
    with ExitStack() as stack:
        for file in files:
            path = folder / file.path
            with atomic.write_errors(path, _LESS):
                path.parent.mkdir(parents=True, exist_ok=True)
            loads[file.model] = _write_file(file, path, stack.enter_context(atomic.writing(path, _LESS)), steps)
        answers = {"scale": scale, "seed": seed, "loads": loads, "questions": _questions(seed, scale, steps)}
        path = folder / ANSWERS
        with atomic.writing(path, _LESS) as output, atomic.write_errors(path, _LESS):
            output.write(json.dumps(answers, indent=2, ensure_ascii=False).encode() + b"\n")
    return sum(load["read"] for load in loads.values())


class _Steps:
    """Steps of a run, for its progress bar."""

    def __init__(self, move: Callable[[int], None]) -> None:
        self._move = move
        self._done = 0

    def of(self, blocks: int) -> Iterator[int]:
        """Yield the number of each block, and count it once it is done."""
        for block in range(blocks):
            yield block
            self._done += 1
            self._move(self._done)


def _require_allowed(scale: int, seed: int) -> None:
    wrong = []
    if not 1 <= scale <= MAX_SCALE:
        wrong.append(f"--scale {scale}: must be a whole number, 1 to {MAX_SCALE}")
    if seed < 0:
        wrong.append(f"--seed {seed}: must be a whole number, 0 or more")
    if wrong:
        raise SettingsError("the files cannot be generated", why="\n".join(wrong), hint="correct the options")


def _require_own(folder: Path, files: Iterable[_File]) -> None:
    """Check that only generated files would be replaced: real ones have the same names."""
    with atomic.write_errors(folder, _LESS):
        if (folder / ANSWERS).exists():
            return
        found = [file.path for file in files if (folder / file.path).exists()]
    if found:
        raise FileError(
            f"{folder} has files that were not generated",
            why=f"it has {', '.join(found)}, but no {ANSWERS}, which is generated with them",
            hint="name a new folder",
        )


def _write_file(file: _File, path: Path, output: IO[bytes], steps: _Steps) -> dict[str, Any]:
    """Write the records of a file; return what its load must report."""
    tally = LoadTally()
    with atomic.write_errors(path, _LESS):
        output.write(_as_csv([file.header]) if file.header else b"[\n")
        for block in steps.of(file.blocks):
            made = file.make(block)
            records = [record.written for record in made]
            if file.header:
                output.write(_as_csv(records))
            else:
                output.write((b",\n" if block else b"") + _as_json(records))
            tally.count(made)
        output.write(b"" if file.header else b"\n]")
    return {"file": file.path, **tally.answer()}


def _as_csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _as_json(values: Sequence[Any]) -> bytes:
    """Return values as in a JSON array, but without its brackets."""
    return json.dumps(values, **_STYLE).removeprefix("[\n").removesuffix("\n]").encode()


def _questions(seed: int, scale: int, steps: _Steps) -> dict[str, Any]:
    # One review of each pair is enough for the questions.
    reviews = {
        (row.movie_title.lower(), row.book_title.lower()): row
        for block in steps.of(blocks_of(vendor.REVIEWS * scale))
        for row in vendor.review_rows(seed, scale, block)
    }
    tally = QuestionTally(internal.movie_rows(seed), vendor.author_rows(seed), vendor.book_rows(seed), reviews.values())
    blocks = blocks_of(internal.STREAMS * scale)
    for block in steps.of(blocks):
        tally.count(internal.stream_rows(seed, scale, block))
    return tally.answers(row.size_mb for block in steps.of(blocks) for row in internal.stream_rows(seed, scale, block))
