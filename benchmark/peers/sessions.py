"""The file of sessions as the sides of the catalogue's benchmark read it: a CSV file, whose path is the argument.

DATABASE_URL names the database, a fresh one. Each side creates the table `stream`, and loads every row.
"""

import csv
import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any


def url(scheme: str) -> str:
    """Return the URL of the database for a library that calls PostgreSQL so."""
    return os.environ["DATABASE_URL"].replace("postgresql", scheme, 1)


def texts() -> Iterator[dict[str, str]]:
    """Yield the rows of the file, all of them texts."""
    with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def rows() -> Iterator[dict[str, Any]]:
    """Yield the rows with numbers and times."""
    for row in texts():
        yield {
            "start_at": datetime.fromisoformat(row["start_at"]),
            "user_email": row["user_email"],
            "movie_title": row["movie_title"],
            "end_at": datetime.fromisoformat(row["end_at"]),
            "size_mb": float(row["size_mb"]),
        }
