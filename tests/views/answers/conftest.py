"""A database with the tables of views."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from metrics.views.schema import Connection
from tests.views.filled import open_tables


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Give a connection to empty tables."""
    with closing(open_tables(database_url)) as opened:
        yield opened
