"""The queries in docs/views.md are answered from the tables of views."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from metrics.views import schema
from metrics.views.settings import ViewsSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs/views.md").read_text(encoding="utf-8")
[BLOCK] = re.findall(r"^```sql\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
# The first words of the comment above each query, and what it answers about the tables below.
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    "the ten items": [(42, 1.5, 2), (43, 0.5, 1)],
    "an item by day": [("2025-11-28 00:00:00+01", 600, 1), ("2025-11-29 00:00:00+01", 4800, 0)],
    "how many viewers": [(5, 1), (30, 1), (55, 1), (60, 1)],
    "users who watched both": [(1,)],
    "what is wrong": [("Missing EventId", 2), ("Missing UserId", 1)],
}


@pytest.fixture
def connection(database_url: str) -> Any:
    settings = ViewsSettings(database_url=database_url)
    with closing(schema.connect_to_schema(database_url, settings)) as connection:
        schema.init(connection, settings)
        for statement in (
            "INSERT INTO media VALUES (42, 180, 1, 0, 0, 2, 22400), (43, 60, 0, 0, 0, 1, 3600)",
            # 10 minutes less a waypoint, 30 minutes, an hour less a waypoint, and an hour
            "INSERT INTO user_media VALUES (1, 42, 19), (3, 42, 60), (2, 42, 119), (4, 42, 120), (1, 43, 60)",
            "INSERT INTO media_quarter VALUES (42, '2025-11-28 22:45Z', 20, 1, 0, 0)",
            "INSERT INTO media_quarter VALUES (42, '2025-11-28 23:00Z', 160, 0, 0, 0)",
            "INSERT INTO invalid VALUES ('t', 0, 1, '{Missing EventId,Missing UserId}')",
            "INSERT INTO invalid VALUES ('t', 0, 2, '{Missing EventId}')",
        ):
            connection.execute(statement)
        connection.execute("SET TimeZone = 'Europe/Berlin'")
        yield connection


def test_each_query_has_the_answer_that_its_comment_promises(connection: schema.Connection) -> None:
    queries = re.findall(r"^-- (.*)\n((?:.+\n)+)", BLOCK, re.MULTILINE)
    assert [next(start for start in ANSWERS if comment.startswith(start)) for comment, _ in queries] == [*ANSWERS]
    for (_, query), expected in zip(queries, ANSWERS.values(), strict=True):
        found = connection.execute(query.encode()).fetchall()
        plain = [tuple(str(cell) if hasattr(cell, "tzinfo") else cell for cell in row) for row in found]
        assert [tuple(map(_number, row)) for row in plain] == [tuple(map(_number, row)) for row in expected], query


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub(r"\+01:00$", "+01", value)
    return float(value)
