"""The original design: an object for each row of the file, a SELECT by its hash, an add; one commit at the end.

Columns are texts, as in the original, whose key is a hash of the other columns. Its session is as it comes, so each
SELECT first sends the INSERT of the row before it. The second argument is the driver: the original's is pg8000.
"""

import re
import sys
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
    engine = create_engine(_url(sys.argv[2]))
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


def _url(driver: str) -> str:
    url = sessions.url(f"postgresql+{driver}")
    # pg8000 is given the socket itself, libpq its folder.
    return re.sub(r"host=(.+)&port=(.+)", r"unix_sock=\1%2F.s.PGSQL.\2", url) if driver == "pg8000" else url


if __name__ == "__main__":
    main()
