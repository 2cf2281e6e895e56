"""The original design: an object for each row of the file, a SELECT by its hash, an add; one commit at the end.

Columns are texts, as in the original, whose key is a hash of the other columns.
"""

from hashlib import sha1

from sqlmodel import Field, Session, SQLModel, create_engine, select

from benchmark.peers import sessions


class Stream(SQLModel, table=True):  # type: ignore[call-arg]
    """A session."""

    id: str = Field(primary_key=True)
    movie_title: str
    user_email: str
    size_mb: str
    start_at: str
    end_at: str


def main() -> None:
    """Load the file."""
    engine = create_engine(sessions.url("postgresql+psycopg"))
    SQLModel.metadata.create_all(engine)
    streams = []
    for row in sessions.texts():
        key = "".join((row["movie_title"], row["user_email"], row["start_at"], row["end_at"]))
        streams.append(Stream(id=sha1(key.encode()).hexdigest(), **row))  # noqa: S324  # as in the original
    with Session(engine) as session:
        for stream in streams:
            known = session.exec(select(Stream).where(Stream.id == stream.id)).first() or stream
            for name, value in stream.model_dump().items():
                setattr(known, name, value)
            session.add(known)
        session.commit()


if __name__ == "__main__":
    main()
