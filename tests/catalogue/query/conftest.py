"""A database with the catalogue's tables."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from psycopg.rows import TupleRow

from metrics.catalogue import schema
from metrics.postgres.connect import connect


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[TupleRow]]:
    """Give a connection to a database with empty tables."""
    with closing(connect(database_url)) as opened:
        schema.init(opened)
        yield opened
