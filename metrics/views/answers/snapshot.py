"""One snapshot of the tables for all that an answer says."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.pq import TransactionStatus

from metrics.postgres.connect import database_errors
from metrics.views.schema import Connection

NO_ANSWER = "the database does not answer"


@contextmanager
def snapshot(connection: Connection) -> Iterator[None]:
    """Read in a transaction that sees one state of all tables, however long it takes; within another, in that one.

    Raises:
        DatabaseError: the database fails, or cancels a statement.
    """
    with database_errors(NO_ANSWER):
        if connection.info.transaction_status is TransactionStatus.INTRANS:
            yield
            return
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
