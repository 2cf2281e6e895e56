"""`catalogue query`: answers a question in SQL, shipped or one's own."""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import time
from typing import Annotated, NamedTuple

import msgspec
import typer

from metrics.catalogue import schema
from metrics.catalogue.query import formats, shipped
from metrics.catalogue.query import parquet as parquet_files
from metrics.catalogue.query.lints import remarks
from metrics.catalogue.query.run import Answer, answering
from metrics.catalogue.query.statement import Statement, parameters_of, statement_of
from metrics.catalogue.settings import CatalogueSettings
from metrics.cli.use_database import use_database
from metrics.files import parquet as parquet_format
from metrics.files.paths import STANDARD_INPUT, named
from metrics.postgres.connect import connect
from metrics.terminal.console import err, is_standard_output, note, out, say, say_lines, shown, warn
from metrics.terminal.progress import bar
from metrics.terminal.streams import require_open
from metrics.time.zones import UTC
from metrics.wording.errors import FileError, SettingsError
from metrics.wording.text import numbered

MAX_TIMEOUT_S = 2_000_000  # the server counts milliseconds in 31 bits
_LIST = "python app.py catalogue query --list"
_EXAMPLE = "python app.py catalogue query outage-users -p movie=Unforgiven"


Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="A shipped query; --list shows them.", show_default=False)
]
Sql = Annotated[
    Path | None, typer.Option("--file", "-f", metavar="FILE", help="SQL of your own; `-` is standard input.")
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="Value of `:name`; may be repeated."),
]
TimeZone = Annotated[
    str, typer.Option(metavar="NAME", help="In which times without an offset are read, and all are printed.")
]
Timeout = Annotated[
    float, typer.Option(min=0, max=MAX_TIMEOUT_S, metavar="S", help="Time on the server, in seconds; 0 for no limit.")
]


def query(
    name: Name = None,
    *,
    file: Sql = None,
    parameters: Parameters = None,
    as_table: Annotated[bool, typer.Option("--table", help="Print a table, in a pipe, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per row and line.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", metavar="FILE", help="Write a Parquet file instead.")
    ] = None,
    time_zone: TimeZone = UTC,
    timeout_s: Timeout = 60,
    is_list: Annotated[bool, typer.Option("--list", help="List the shipped queries and their parameters.")] = False,
    is_shown: Annotated[bool, typer.Option("--show", help="Print the SQL of NAME instead of running it.")] = False,
) -> None:
    """Answer a question in SQL: as a table on a terminal, as JSON lines in a pipe. Read-only.

    `:name` in the SQL is a parameter: `-p name=VALUE` binds it on the server, which infers its type. Strings, comments
    and `::` are not parameters. One statement at a time: SELECT, WITH, VALUES or TABLE.

    Times are in UTC unless --time-zone says otherwise. Rows are printed as they are fetched, so the memory in use does
    not grow with their number. Ctrl-C cancels the query on the server.

    SQL that loses the offset of a time, or reads the session's name instead of the table *user*, runs with a warning.

    Example: `python app.py catalogue query outage-users -p movie=Unforgiven`
    """
    given = {"NAME": name is not None, "-f": file is not None, "--list": is_list, "--show": is_shown}
    forms = {"--table": as_table, "--json": as_json, "--csv": as_csv, "--parquet": parquet is not None}
    _refuse_contradictions(given | forms)
    if is_list:
        _list(as_json=as_json)
    elif is_shown:
        say_lines(shipped.find_query(name or "").sql.splitlines())
    else:
        asked = _parse_request(name, file, parameters or [])
        with _answer(asked, time_zone, timeout_s, parquet) as answer:
            if parquet is not None:
                _write(answer, parquet)
            else:
                as_table = as_table or (out.is_terminal and not as_json)
                _print(answer, as_table=as_table, as_csv=as_csv)


# Of each group, one can be given.
_EITHER = (
    ("NAME", "-f", "--list"),
    ("--show", "-f", "--list"),
    ("--table", "--json", "--csv", "--parquet", "--show"),
    ("--list", "--table", "--csv", "--parquet"),
)


def _refuse_contradictions(given: Mapping[str, bool]) -> None:
    """Check that there is one thing to do, and one form of its answer.

    Raises:
        SettingsError: there are several, or none.
    """
    for group in _EITHER:
        if len(several := [option for option in group if given[option]]) > 1:
            raise SettingsError(
                f"{several[0]} and {several[1]} contradict each other", hint=f"use one of them, for example: {_EXAMPLE}"
            )
    if not any(given[option] for option in ("NAME", "-f", "--list")):
        raise SettingsError("there is no query to run", hint=f"name one of those that {_LIST} shows, or give -f FILE")


def _list(*, as_json: bool) -> None:
    """Print the shipped queries: what each answers, and its parameters with their defaults."""
    queries = shipped.shipped_queries().values()
    if as_json:
        say_lines(msgspec.json.encode(query).decode() for query in queries)
        return
    for number, query in enumerate(queries):
        say(f"\n{query.name}" if number else query.name, style="bold")
        say(f"  {query.question}", indent=2)
        given = [f"  -p {parameter.name}={shlex.quote(parameter.default)}  " for parameter in query.parameters]
        width = max(map(len, given), default=0)
        for option, parameter in zip(given, query.parameters, strict=True):
            say(f"{option:{width}}{parameter.meaning}", indent=width)


class _Asked(NamedTuple):
    """The query to run, with the values of its parameters."""

    statement: Statement
    values: Mapping[str, str]
    is_shipped: bool


def _parse_request(name: str | None, file: Path | None, options: Sequence[str]) -> _Asked:
    """Return the query to run, a shipped one or that of a file, after warnings about its SQL.

    Raises:
        SettingsError: there is no query of this name, the parameters do not match it, or the text is not one query.
        FileError: the file cannot be read.
    """
    values = parameters_of(options)
    if file is not None:
        asked = _Asked(statement_of(_text_of(file)), values, is_shipped=False)
    else:
        query = shipped.find_query(name or "")
        asked = _Asked(query.statement(), query.values(values, time()), is_shipped=True)
    asked.statement.ordered(asked.values)
    for remark in remarks(asked.statement, asked.values):
        warn(remark)
    return asked


def _text_of(file: Path) -> str:
    """Return the text of a file, or of standard input.

    Raises:
        FileError: it cannot be read, or is not UTF-8.
    """
    try:
        return (sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{named(file)} is not text in UTF-8", why=str(error), hint="save it in UTF-8") from error
    except OSError as error:
        why = error.strerror or str(error)
        raise FileError(f"{named(file)} cannot be read", why=why, hint="name a file with one SELECT") from error


@contextmanager
def _answer(asked: _Asked, time_zone: str, timeout_s: float, parquet: Path | None) -> Iterator[Answer]:
    """Run a query, and yield its answer."""
    if parquet is not None:
        parquet_format.check()
    else:
        require_open()
    with use_database(CatalogueSettings, note) as url, closing(connect(url)) as connection, ExitStack() as waiting:
        if asked.is_shipped:
            schema.require_initialized(connection)
        waiting.enter_context(bar("waiting for the answer", None, err))
        statement, values, _ = asked
        with answering(connection, statement, values, time_zone=time_zone, timeout_s=timeout_s) as answer:
            waiting.close()
            yield answer


def _write(answer: Answer, path: Path) -> None:
    """Write a Parquet file, and print how many rows it has."""
    rows = parquet_files.write(path, answer)
    report = note if is_standard_output(path) else say
    report(f"wrote {shown(path)}: {numbered(rows, 'row')}")


def _print(answer: Answer, *, as_table: bool, as_csv: bool) -> None:
    if as_csv:
        formats.print_csv(answer)
    elif as_table:
        formats.print_table(answer)
    else:
        formats.print_json(answer)
