"""SQLAlchemy Core: INSERT … ON CONFLICT DO UPDATE with 1,000 rows at a time, in one transaction."""

from itertools import islice

from sqlalchemy import Column, DateTime, Double, MetaData, Table, Text, create_engine
from sqlalchemy.dialects.postgresql import insert

from benchmark.peers import sessions

BATCH_ROWS = 1_000

METADATA = MetaData()
STREAM = Table(
    "stream",
    METADATA,
    Column("start_at", DateTime(timezone=True), primary_key=True),
    Column("user_email", Text, primary_key=True),
    Column("movie_title", Text, primary_key=True),
    Column("end_at", DateTime(timezone=True), nullable=False),
    Column("size_mb", Double, nullable=False),
)


def main() -> None:
    """Load the file."""
    engine = create_engine(sessions.url("postgresql+psycopg"))
    METADATA.create_all(engine)
    added = insert(STREAM)
    changed = {"end_at": added.excluded.end_at, "size_mb": added.excluded.size_mb}
    upsert = added.on_conflict_do_update(index_elements=list(STREAM.primary_key.columns), set_=changed)
    with engine.begin() as connection:
        rows = sessions.rows()
        while batch := list(islice(rows, BATCH_ROWS)):
            connection.execute(upsert, batch)


if __name__ == "__main__":
    main()
