"""Rules for records that are loaded, but implausible: counted per rule, with examples.

A load applies the rules of its model to what it read; `catalogue check` applies all of them to the tables, and also
looks for references to records that do not exist, which a load cannot know: they may come later.
"""

from collections.abc import Iterable
from typing import LiteralString, NamedTuple

from psycopg.sql import SQL, Composable, Identifier

from metrics.catalogue.load.loads import EXAMPLES, Connection, Remark
from metrics.postgres.connect import database_errors

AMONG = 100  # the examples are those of the first records


class Rule(NamedTuple):
    """A rule of plausibility.

    Attributes:
        model: of the records.
        rule: the implausible records, in words.
        rows: FROM and WHERE of the records that break it; `{table}` is their table or a query, called `new`.
        example: an expression that shows one of them.
    """

    model: str
    rule: str
    rows: LiteralString
    example: LiteralString


RULES = (
    Rule(
        "stream",
        "sessions longer than the movie",
        "{table} new JOIN movie ON lower(movie.title) = lower(new.movie_title) "
        "WHERE new.end_at - new.start_at > movie.duration_mins * interval '1 minute'",
        "format('%s, %s: %s, the movie lasts %s min', new.user_email, new.movie_title, new.end_at - new.start_at, "
        "movie.duration_mins)",
    ),
    Rule(
        "author",
        "authors who died in the future",
        "{table} new WHERE new.died_at > current_date",
        "format('%s, %s', new.name, new.died_at)",
    ),
    Rule(
        "author",
        "authors who died before birth",
        "{table} new WHERE new.died_at < new.birth_date",
        "format('%s, born %s, died %s', new.name, new.birth_date, new.died_at)",
    ),
    Rule(
        "review",
        "reviews updated before their creation",
        "{table} new WHERE new.updated_at < new.created_at",
        "format('%s, %s: created %s, updated %s', new.movie_title, new.book_title, new.created_at, new.updated_at)",
    ),
)

ORPHANS = (
    Rule(
        "stream",
        "sessions of an unknown movie",
        "{table} new WHERE NOT EXISTS (SELECT FROM movie WHERE lower(title) = lower(new.movie_title))",
        "new.movie_title",
    ),
    Rule(
        "stream",
        "sessions of an unknown user",
        '{table} new WHERE NOT EXISTS (SELECT FROM "user" WHERE lower(email) = lower(new.user_email))',
        "new.user_email",
    ),
    Rule(
        "book",
        "books by an unknown author",
        "{table} new WHERE NOT EXISTS (SELECT FROM author WHERE lower(name) = lower(new.author))",
        "format('%s, by %s', new.title, new.author)",
    ),
    Rule(
        "review",
        "reviews of an unknown movie",
        "{table} new WHERE NOT EXISTS (SELECT FROM movie WHERE lower(title) = lower(new.movie_title))",
        "new.movie_title",
    ),
    Rule(
        "review",
        "reviews of an unknown book",
        "{table} new WHERE NOT EXISTS (SELECT FROM book WHERE lower(title) = lower(new.book_title))",
        "new.book_title",
    ),
)


def remarks(connection: Connection, model: str, table: Composable, rules: Iterable[Rule] = RULES) -> list[Remark]:
    """Return a remark for each rule of a model that rows of a table break, with the first examples."""
    found = []
    for rule in (rule for rule in rules if rule.model == model):
        rows = SQL(rule.rows).format(table=table)
        with database_errors("the records cannot be checked"):
            [number] = connection.execute(SQL("SELECT count(*) FROM {}").format(rows)).fetchone() or (0,)
            if number:
                query = SQL("SELECT DISTINCT example FROM (SELECT {} example FROM {} LIMIT {}) one ORDER BY 1 LIMIT {}")
                shown = query.format(SQL(rule.example), rows, SQL(str(AMONG)), SQL(str(EXAMPLES)))
                found.append(Remark(rule.rule, number, [text for (text,) in connection.execute(shown).fetchall()]))
    return found


def findings(connection: Connection, models: Iterable[str]) -> list[tuple[str, Remark]]:
    """Return remarks on rows of models that break a rule or refer to unknown records, without those that are gone."""
    present = SQL("(SELECT * FROM {} WHERE gone_at IS NULL)")
    return [
        (model, remark)
        for model in models
        for remark in remarks(connection, model, present.format(Identifier(model)), (*ORPHANS, *RULES))
    ]
