"""Warnings about SQL that means something else than it seems to."""

import pytest

from metrics.catalogue.query.lints import remarks
from metrics.catalogue.query.statement import statement_of

T = "'2021-12-25T07:00:00.000+0100'"


def found(sql: str, **values: str) -> list[str]:
    return remarks(statement_of(sql), values)


@pytest.mark.parametrize(
    "cast",
    [
        f"{T}::timestamp",
        f"{T} :: TIMESTAMP",
        f"{T}::timestamp(3)",
        f"{T}::timestamp without time zone",
        f"{T}::timestamp(0) without time zone",
        f"timestamp {T}",
        f"timestamp(3) {T}",
        f"timestamp without time zone {T}",
        f"timestamp (3) without time zone {T}",
        f"CAST({T} AS timestamp)",
        f"cast({T} as timestamp(3))",
    ],
)
def test_a_text_with_an_offset_as_a_timestamp_without_zone_is_found(cast: str) -> None:
    assert found(f"SELECT 1,\n{cast}") == [f"line 2: timestamp drops the offset of {T}: use timestamptz"]


@pytest.mark.parametrize(
    "text",
    [
        "'2021-12-25 07:00+01'",
        "'2021-12-25 07:00 -0330'",
        "'2021-12-25 07:00:00-05:30'",
        "'2021-12-25T07:00:00Z'",
        "'2021-12-25 07:00 CET'",
        "'2021-12-25 07:00 Europe/Berlin'",
        "'2021-12-25 07:00 PM+01'",
        r"E'2021-12-25 07:00+01'",
        "$$2021-12-25 07:00+01$$",
        "$t$2021-12-25 07:00+01$t$",
    ],
)
def test_an_offset_has_many_forms(text: str) -> None:
    assert len(found(f"SELECT {text}::timestamp")) == 1


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT {T}::timestamptz",
        f"SELECT {T}::timestamp with time zone",
        f"SELECT {T}::timestamp(3) with time zone",
        f"SELECT timestamptz {T}, timestamp with time zone {T}",
        f"SELECT CAST({T} AS timestamptz)",
        f"SELECT {T} AS timestamp",
        f"SELECT -- {T}::timestamp\n1",
        f"SELECT /* {T}::timestamp */ 1",
        f"SELECT $${T}::timestamp$$",
        "SELECT '2021-12-25 07:00'::timestamp",
        "SELECT '2021-12-25 07:00:00.5'::timestamp",
        "SELECT '2021-12-25 07:00 AM'::timestamp, '0044-03-15 07:00 BC'::timestamp",
        "SELECT '2021-12-25'::timestamp, '2021-12'::timestamp, 'now'::timestamp, 'infinity'::timestamp",
        "SELECT start_at::timestamp FROM stream",
    ],
)
def test_other_texts_and_types_are_not_found(sql: str) -> None:
    assert found(sql) == []


def test_a_parameter_is_judged_by_its_value() -> None:
    sql = "SELECT :a::timestamp, :a::timestamptz, CAST(:b AS timestamp)"
    assert found(sql, a="2021-12-25 07:00", b="2021-12-25") == []
    assert found(sql, a="2021-12-25 07:00+01", b="2021-12-25 07:00Z") == [
        "line 1: timestamp drops the offset of :a: use timestamptz",
        "line 1: timestamp drops the offset of :b: use timestamptz",
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM user",
        "SELECT * FROM\nUser u",
        "SELECT * FROM stream JOIN user ON user_email = email",
        "SELECT * FROM stream, user",
        "SELECT * FROM stream s JOIN movie m ON m.title = s.movie_title, user",
        "SELECT * FROM (user CROSS JOIN movie)",
        "SELECT (SELECT count(*) FROM user) FROM movie",
        "WITH a AS (SELECT * FROM user) SELECT * FROM a",
        "SELECT 1 FROM movie UNION SELECT 1 FROM user",
        'SELECT user.email FROM "user"',
        "SELECT 1 WHERE lower(user.email) = ''",
    ],
)
def test_a_table_user_without_quotes_is_found(sql: str) -> None:
    [remark] = found(sql)
    assert remark.endswith("""is the name of the session's user: for the table, write "user\"""")


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT "user".email FROM "user" JOIN "user" u ON true, "user"',
        "SELECT user_email, current_user FROM stream",
        "SELECT * FROM user_session, users",
        "SELECT user, session_user",
        "SELECT title, user FROM movie",
        "SELECT 'FROM user' -- FROM user\n/* FROM user */",
        "SELECT $$ FROM user $$",
        "SELECT * FROM public.user",
        "SELECT p.user.email FROM p",
        "SELECT email AS user FROM a",
        "SELECT trim(both from user), substring('a' from user)",
        "SELECT * FROM a WHERE b IS DISTINCT FROM user",
        "SELECT * FROM a WHERE b IS NOT DISTINCT FROM user ORDER BY c, user",
        "SELECT * FROM f(1, user)",
        "SELECT * FROM a GROUP BY b, user",
    ],
)
def test_other_words_and_the_name_itself_are_not_found(sql: str) -> None:
    assert found(sql) == []


def test_remarks_are_in_the_order_of_the_text() -> None:
    sql = f"SELECT *\nFROM user\nWHERE a > timestamp {T}\nAND user.b"
    assert [remark.split(":")[0] for remark in found(sql)] == ["line 2", "line 3", "line 4"]
