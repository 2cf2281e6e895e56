"""A catalogue in a database of the test's own, and its tables as plain rows."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from psycopg.sql import SQL, Identifier

from metrics.catalogue import schema
from metrics.catalogue.collect.sources import sources
from metrics.catalogue.core.models import MODELS
from metrics.catalogue.load.collected import Collected
from metrics.catalogue.load.loads import Connection, Load
from metrics.catalogue.load.run import Options, Outcome, load
from metrics.postgres.connect import connect


class Quiet:
    """Progress that is kept, not shown."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)

    def move(self) -> None: ...

    def merge(self, records: int) -> None: ...


class Catalogue:
    """A catalogue whose tables are there, and the files that are loaded into it."""

    def __init__(self, url: str, connection: Connection, folder: Path) -> None:
        self.url = url
        self.connection = connection
        self.folder = folder

    def file(self, model: str, records: Sequence[Any], name: str = "") -> Path:
        """Write records as a file of their model: CSV from dictionaries of texts, or JSON."""
        columns = MODELS[model].csv_columns
        path = self.folder / (name or f"{model}.{'csv' if columns else 'json'}")
        if columns:
            text = io.StringIO(newline="")
            writer = csv.DictWriter(text, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
            path.write_text(text.getvalue(), encoding="utf-8", newline="")
        else:
            path.write_text(json.dumps(records), encoding="utf-8")
        return path

    def load(self, model: str, path: Path | str, **options: Any) -> Outcome:
        """Load a file."""
        given = Collected(sources(str(path), None), MODELS[model], None)
        return load(self.connection, Options(MODELS[model], **options), given, Quiet())

    def load_records(self, model: str, records: Sequence[Any], **options: Any) -> Load:
        """Load records from a file of their own; the load is not skipped."""
        return self.load(model, self.file(model, records), again=True, **options).load

    def rows(self, model: str, *, gone: bool = False) -> list[tuple[Any, ...]]:
        """Return the rows of a model by their key; those that are gone only if asked for."""
        columns = SQL(", ").join(Identifier(column.name) for column in MODELS[model].columns)
        query = SQL("SELECT {} FROM {} WHERE (gone_at IS NOT NULL) = {} ORDER BY 1, 2, 3").format(
            columns, Identifier(model), SQL("true" if gone else "false")
        )
        return self.connection.execute(query).fetchall()

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.connection.execute(text).fetchall()


@contextmanager
def catalogue_in(url: str, folder: Path) -> Iterator[Catalogue]:
    """Yield a catalogue in an empty database."""
    with closing(connect(url)) as connection:
        schema.init(connection)
        yield Catalogue(url, connection, folder)
