"""The table of the models: their columns, keys and formats."""

from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from metrics.catalogue.core import records
from metrics.catalogue.core.times import Time


class TableColumn(NamedTuple):
    """A column of a table, and its type in PostgreSQL."""

    name: str
    type: str


class Model(NamedTuple):
    """One of the models.

    Attributes:
        name: of the model and of its table.
        columns: of the table, in the order of a record's `row`.
        key_size: the number of key columns, which are the first ones. Texts of a key compare without case.
        record: the Struct of a record.
        key_record: the Struct of a record's key.
        csv_columns: of a CSV file; empty if the model comes as JSON only.
    """

    name: str
    columns: tuple[TableColumn, ...]
    key_size: int
    record: Any
    key_record: Any
    csv_columns: tuple[str, ...] = ()

    @property
    def key_columns(self) -> tuple[TableColumn, ...]:
        """The columns that form the key."""
        return self.columns[: self.key_size]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of a JSON record's members, without those that may be left out."""
        return tuple(field.encode_name for field in msgspec.structs.fields(self.record) if field.required)


def _columns(text: str) -> tuple[TableColumn, ...]:
    return tuple(TableColumn(*column.split(" ", 1)) for column in text.split(", "))


MODELS = {
    model.name: model
    for model in (
        Model(
            "movie",
            _columns("title text, duration_mins int4, original_language text, size_mb int4"),
            1,
            records.Movie,
            records.MovieKey,
            ("title", "duration_mins", "original_language", "size_mb"),
        ),
        Model(
            "stream",
            _columns("start_at timestamptz, user_email text, movie_title text, end_at timestamptz, size_mb float8"),
            3,
            records.Stream,
            records.StreamKey,
            ("movie_title", "user_email", "size_mb", "start_at", "end_at"),
        ),
        Model(
            "user",
            _columns("email text, first_name text, last_name text"),
            1,
            records.User,
            records.UserKey,
            ("first_name", "last_name", "email"),
        ),
        Model(
            "author",
            _columns("name text, birth_date date, died_at date, nationality text"),
            1,
            records.Author,
            records.AuthorKey,
        ),
        Model(
            "book",
            _columns("title text, pages int4, author text, publisher text"),
            1,
            records.Book,
            records.BookKey,
        ),
        Model(
            "review",
            _columns(
                "created_at timestamptz, movie_title text, book_title text, rating int2, text text, "
                "updated_at timestamptz"
            ),
            3,
            records.Review,
            records.ReviewKey,
        ),
    )
}


def table_key_record(model: Model) -> type[Struct]:
    """Return the Struct of a key whose fields are the columns of the table."""
    fields = [(name, Time if kind == "timestamptz" else records.Key) for name, kind in model.key_columns]
    return msgspec.defstruct(f"{model.record.__name__}ColumnsKey", fields)


ModelName = StrEnum("ModelName", {name: name for name in MODELS})  # type: ignore[misc]  # its members are the table's


def cells_record(model: Model) -> type[Struct]:
    """Return the Struct of a record that comes as a row of cells, in the order of its fields."""
    return msgspec.defstruct(f"{model.record.__name__}Cells", [], bases=(model.record,), array_like=True)
