"""The shipped queries: SQL files that begin with a header, which says what they answer.

The header is the comment at the beginning: a title, the question, notes, and the parameters with their defaults, each
part after an empty comment line. The notes and the parameters may be missing.

    -- Users in a session of a movie during an outage
    --
    -- How many users were in a session of a movie at any moment of [from, to)?
    --
    -- A session includes its start, but not its end.
    --
    -- -p movie=Unforgiven                  title of the movie, in any case
    -- -p from=2021-12-25T07:00:00+01:00    start of the interval
"""

import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from metrics.catalogue.query.statement import Statement, statement_of
from metrics.time.moments import LAST_SECOND, rfc3339, undated_second
from metrics.wording.errors import SettingsError

_FOLDER = "metrics.catalogue.queries"
# The value ends before two blanks, so it may contain single ones.
_PARAMETER = re.compile(r"-p (?P<name>\w+)=(?P<default>\S+(?: \S+)*) {2,}(?P<meaning>\S.*)")


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of a shipped query."""

    name: str
    default: str
    meaning: str

    @property
    def is_time(self) -> bool:
        """Whether it is a time, which the database reads."""
        return re.match(r"\d{4}-\d\d-\d\dT", self.default) is not None

    def value(self, given: str, now_s: float) -> str:
        """Return a given value; of a time, a number, `now` and a duration ago as the date and time that they are."""
        second = undated_second(given, now_s) if self.is_time else None
        return given if second is None or not 0 <= second <= LAST_SECOND else rfc3339(second)


class ShippedQuery(msgspec.Struct, frozen=True):
    """A query that comes with the program.

    Attributes:
        name: of its file, with dashes.
        notes: how it counts; may be empty.
        sql: the file, header included.
    """

    name: str
    title: str
    question: str
    notes: str
    parameters: tuple[Parameter, ...]
    sql: str

    def statement(self) -> Statement:
        """Return its statement."""
        return statement_of(self.sql)

    def values(self, given: Mapping[str, str], now_s: float) -> dict[str, str]:
        """Return the values of its parameters: the defaults, unless others are given.

        Args:
            now_s: wall time in seconds since the epoch, from which relative times are counted.
        """
        known = {each.name: each.value(given.get(each.name, each.default), now_s) for each in self.parameters}
        return {**given, **known}


@cache
def shipped_queries() -> Mapping[str, ShippedQuery]:
    """Return all shipped queries by name, in the order of their names."""
    found = sorted(file.name for file in files(_FOLDER).iterdir() if file.name.endswith(".sql"))
    queries = [
        parse_query(file.removesuffix(".sql"), (files(_FOLDER) / file).read_text(encoding="utf-8")) for file in found
    ]
    return {query.name: query for query in queries}


def find_query(name: str) -> ShippedQuery:
    """Return the shipped query with a name.

    Raises:
        SettingsError: there is none.
    """
    if name in shipped_queries():
        return shipped_queries()[name]
    close = difflib.get_close_matches(name, shipped_queries(), 1)
    meant = f"did you mean {close[0]}?\n" if close else ""
    raise SettingsError(
        f"there is no query {name}",
        hint=f"{meant}python app.py catalogue query --list lists them; -f FILE runs a file",
    )


def parse_query(name: str, text: str) -> ShippedQuery:
    """Return the query that a file contains.

    Raises:
        ValueError: its header is not as described above, or does not list the parameters of the statement, each once.
    """
    lines = text.splitlines()
    ends = next((at for at, line in enumerate(lines) if not line.startswith("--")), len(lines))
    parts = "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:ends]).split("\n\n")
    parameters = tuple(map(_parameter, parts.pop().splitlines())) if parts[-1].startswith("-p ") else ()
    if len(parts) < 2 or "\n" in parts[0] or not all(parts) or lines[ends : ends + 1] != [""]:
        raise ValueError(f"{name}: the header needs a title in one line, a question, and an empty line after it")
    listed = [parameter.name for parameter in parameters]
    if sorted(listed) != sorted(statement_of(text).names):
        raise ValueError(f"{name}: the header does not list the parameters of the statement, each once")
    title, question, *notes = (part.replace("\n", " ") for part in parts)
    return ShippedQuery(name.replace("_", "-"), title, question, "\n".join(notes), parameters, text)


def _parameter(line: str) -> Parameter:
    found = _PARAMETER.fullmatch(line)
    if found is None:
        raise ValueError(f"not a parameter, such as `-p name=default    meaning`: {line}")
    return Parameter(**found.groupdict())
