"""Queries on a real server: parameters, what is refused, limits of time, time zones, and what is left behind."""

import time
import zoneinfo
from contextlib import closing
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.pq import TransactionStatus

from metrics.catalogue.query.lints import remarks
from metrics.catalogue.query.run import FETCH_ROWS, answering
from metrics.catalogue.query.statement import Statement, statement_of
from metrics.catalogue.query.tokens import tokens
from metrics.postgres.connect import connect
from metrics.wording.errors import DatabaseError, SettingsError
from tests.catalogue.query.tables import DEFAULTS, Connection, Options, ask


def refused(connection: Connection, sql: str, **values: str) -> str:
    """Return what is said when a query is refused."""
    with pytest.raises(DatabaseError) as caught:
        ask(connection, sql, DEFAULTS, **values)
    assert connection.info.transaction_status is TransactionStatus.IDLE
    return str(caught.value)


def test_values_are_bound_on_the_server_which_infers_their_types(connection: Connection) -> None:
    injected = "'; DROP TABLE movie; --"
    assert ask(connection, "SELECT :a AS a, upper(:a) AS b", a=injected) == [{"a": injected, "b": injected.upper()}]
    assert ask(connection, "SELECT g FROM generate_series(1, 9) g LIMIT :n OFFSET :n + 1", n="2") == [
        {"g": 4},
        {"g": 5},
    ]
    assert ask(connection, "SELECT 1 + :a AS a, :b::date + 1 AS b", a=" 41", b="2021-12-31") == [
        {"a": 42, "b": "2022-01-01"}
    ]
    assert 'invalid input syntax for type integer: "x"' in refused(connection, "SELECT 1 + :a", a="x")
    said = refused(connection, "SELECT 1 WHERE :a IS NULL", a="x")
    assert "hint: write the type of the parameter, as in :a::text" in said.replace(":name", ":a")


def test_percent_signs_are_ordinary(connection: Connection) -> None:
    assert ask(connection, "SELECT 7 % 4 AS a, 'x%' LIKE '%s' AS b, '%(a)s' AS c") == [
        {"a": 3, "b": False, "c": "%(a)s"}
    ]
    assert ask(connection, "SELECT 7 % :a AS a, :b || '%s' AS b", a="4", b="%") == [{"a": 3, "b": "%%s"}]


# Text that is written in each of the ways that SQL has, beside parameters; the server says what the text was.
_TEXT = st.text(st.sampled_from("ab:'\"\\$-/*%;é\n "), max_size=12)
_GAPS = st.sampled_from([" ", "\n", " -- it's :no $$ \n", "/* :no /* ' */ $a$ */", "/**/", "\t--\r"])


def _in_sql(text: str, form: str) -> str:
    if form == "E":
        return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if form == "E, continued":
        return "E''\n'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if form == "U&":
        return "U&'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    if form == "$" and "$" not in text:
        return f"$q${text}$q$"
    return "'" + text.replace("'", "''") + "'"


_FORMS = st.sampled_from(["'", "E", "E, continued", "U&", "$", ":"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(_FORMS, _TEXT), min_size=1, max_size=6), gaps=st.lists(_GAPS, min_size=6, max_size=6))
def test_any_text_in_any_form_is_read_as_the_server_reads_it(
    connection: Connection, texts: list[tuple[str, str]], gaps: list[str]
) -> None:
    values = {f"p{at}": text for at, (form, text) in enumerate(texts) if form == ":"}
    written = [
        f":p{at}::text" if form == ":" else f"{_in_sql(text, form)}::text" for at, (form, text) in enumerate(texts)
    ]
    columns = [f'{gap}{text}{gap}AS ":c{at}"' for at, (gap, text) in enumerate(zip(gaps, written, strict=False))]
    sql = f"SELECT {','.join(columns)}"
    assert statement_of(sql).names == [*values]
    assert ask(connection, sql, DEFAULTS, **values) == [{f":c{at}": text for at, (_, text) in enumerate(texts)}]


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("WITH a AS (DELETE FROM movie RETURNING 1) SELECT * FROM a", "must not contain data-modifying statements"),
        ("SELECT set_config('transaction_read_only', 'off', true), lo_create(0)", "must be set before any query"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "must be set before any query"),
        ("SELECT nextval('catalogue_load_id_seq')", "cannot execute nextval() in a read-only transaction"),
        ("SELECT * FROM movie FOR UPDATE", "cannot execute SELECT FOR UPDATE in a read-only transaction"),
        ("SELECT forget()", "cannot execute DELETE in a read-only transaction"),
        ("SELECT give_up()", "invalid transaction termination"),
    ],
)
def test_nothing_can_be_written(connection: Connection, sql: str, why: str) -> None:
    connection.execute("INSERT INTO movie VALUES ('Rain', 1, 'Thai', 1, 1, 1)")
    for name, body in {
        "forget": "DELETE FROM movie; RETURN 1;",
        "give_up": "COMMIT; DELETE FROM movie; RETURN 1;",
    }.items():
        connection.execute(f"CREATE FUNCTION {name}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    said = refused(connection, sql)
    assert why in said
    assert ("hint: queries are read-only" in said) == ("termination" not in why)
    assert connection.execute("SELECT title FROM movie").fetchall() == [("Rain",)]


def test_select_into_a_table_is_refused(connection: Connection) -> None:
    assert "SELECT ... INTO is not allowed here" in refused(connection, "SELECT 1 AS a INTO TEMP b")


def test_a_second_statement_is_refused_by_the_server_too(connection: Connection) -> None:
    """Whatever the tokens say: this one is made without `statement_of`."""
    text = "SELECT 1; DROP TABLE movie"
    with (
        pytest.raises(DatabaseError, match="cannot insert multiple commands"),
        answering(connection, Statement(text, [*tokens(text)], []), {}),
    ):
        pytest.fail("it was run")
    assert connection.execute("SELECT count(*) FROM movie").fetchone() == (0,)


def test_the_session_is_as_before_afterwards(connection: Connection) -> None:
    asked = "SELECT current_setting(a) FROM unnest('{TimeZone,statement_timeout,cursor_tuple_fraction}'::text[]) a"
    before = connection.execute(asked).fetchall()
    said = ask(connection, "SELECT set_config('statement_timeout', '7s', false)", Options("Asia/Kolkata", 9))
    assert said == [{"set_config": "7s"}]
    assert refused(connection, "SELECT 1/0").startswith("the database refuses the query\nwhy: division by zero")
    assert connection.execute(asked).fetchall() == before
    assert connection.info.transaction_status is TransactionStatus.IDLE


def test_rows_are_fetched_some_at_a_time_and_all_of_them_arrive(connection: Connection) -> None:
    for rows in (0, 1, FETCH_ROWS - 1, FETCH_ROWS, FETCH_ROWS + 1, 2 * FETCH_ROWS):
        statement = statement_of(f"SELECT generate_series(1, {rows}) AS g")
        with answering(connection, statement, {}) as answer:
            batches = [[row[0] for row in batch] for batch in answer.batches()]
        assert max(map(len, batches)) <= FETCH_ROWS
        assert [at for batch in batches for at in batch] == [str(at) for at in range(1, rows + 1)]
        assert [column.name for column in answer.columns] == ["g"]


def test_an_answer_that_is_left_early_leaves_no_cursor(connection: Connection) -> None:
    with answering(connection, statement_of("SELECT generate_series(1, 1000000000)"), {}) as answer:
        assert len(next(answer.batches())) == FETCH_ROWS
    assert connection.info.transaction_status is TransactionStatus.IDLE
    assert connection.execute("SELECT count(*) FROM pg_cursors WHERE name = 'answer'").fetchone() == (0,)


def test_a_query_that_takes_too_long_is_cancelled_and_says_what_raises_the_limit(connection: Connection) -> None:
    with pytest.raises(DatabaseError) as caught:
        ask(connection, "SELECT pg_sleep(60)", Options(timeout_s=0.2))
    assert str(caught.value).splitlines() == [
        "the query was cancelled",
        "why: canceling statement due to statement timeout",
        "hint: allow more time: --timeout-s 2 (it is 0.2), or 0 for no limit",
    ]
    assert ask(connection, "SELECT pg_sleep(0.3)", Options(timeout_s=0)) == [{"pg_sleep": ""}]


def test_the_limit_is_that_of_all_fetches(connection: Connection) -> None:
    """Each takes a fraction of a second, which is far below the limit; all of them would take minutes."""
    statement, sizes = statement_of("SELECT pg_sleep(0.0002) FROM generate_series(1, 1000000)"), list[int]()
    with (
        pytest.raises(DatabaseError, match="the query was cancelled"),
        answering(connection, statement, {}, timeout_s=3) as answer,
    ):
        sizes.extend(map(len, answer.batches()))
    assert len(sizes) in range(1, 40)


def test_the_time_that_a_reader_takes_does_not_count(connection: Connection) -> None:
    statement = statement_of("SELECT generate_series(1, 3000)")
    with answering(connection, statement, {}, timeout_s=1) as answer:
        batches = answer.batches()
        next(batches)
        time.sleep(1.5)
        assert sum(map(len, batches)) == 2000


def test_times_are_in_utc_or_in_the_time_zone_that_is_asked_for(connection: Connection) -> None:
    connection.execute("SET TimeZone = 'Asia/Tokyo'")  # of the server, say
    sql = "SELECT '2021-12-25 07:00'::timestamptz AS a, :b::timestamptz AS b"
    values = {"b": "2021-07-01T12:00:00.25+02:00"}
    assert ask(connection, sql, DEFAULTS, **values) == [{"a": "2021-12-25T07:00:00Z", "b": "2021-07-01T10:00:00.25Z"}]
    assert ask(connection, sql, Options("europe/berlin"), **values) == [
        {"a": "2021-12-25T07:00:00+01:00", "b": "2021-07-01T12:00:00.25+02:00"}
    ]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("2021-13-01", 'date/time field value out of range: "2021-13-01"'),
        ("soon", 'invalid input syntax for type timestamp with time zone: "soon"'),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_an_example(connection: Connection, value: str, why: str) -> None:
    assert refused(connection, "SELECT :a::timestamptz", a=value).splitlines()[1:] == [
        f"why: {why}",
        "hint: write a time such as 2021-12-25T07:00:00+01:00",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Mars", "hint: "),
        ("Europe/Berln", "hint: did you mean Europe/Berlin?"),
        ("UTC+1", "hint: "),  # the server would read it as one hour west of Greenwich
        ("+01:00", "hint: use a name of the IANA database, such as Asia/Kolkata"),
        ("", "hint: use a name"),
    ],
)
def test_an_unknown_time_zone_is_refused(connection: Connection, name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ask(connection, "SELECT 1", Options(name))
    assert str(caught.value).startswith(f"the time zone {name} is unknown\n{hint}")


def test_a_time_zone_that_only_the_database_does_not_know_is_refused(connection: Connection, tmp_path: Path) -> None:
    utc = files("tzdata.zoneinfo").joinpath("UTC").read_bytes()
    (tmp_path / "Nowhere").write_bytes(utc)
    zoneinfo.reset_tzpath([tmp_path])
    try:
        with pytest.raises(SettingsError, match="the database does not know the time zone Nowhere"):
            ask(connection, "SELECT 1", Options("Nowhere"))
    finally:
        zoneinfo.reset_tzpath()
    assert ask(connection, "SELECT 1 AS a") == [{"a": 1}]


def test_an_error_of_the_server_names_the_line(connection: Connection) -> None:
    said = refused(connection, "-- a\nSELECT :a::text,\n  titel\nFROM movie", a="x")
    assert said.splitlines()[:2] == ["the database refuses line 3 of the query", 'why: column "titel" does not exist']
    said = refused(connection, "SELECT *\nFROM nowhere")
    assert said.splitlines() == [
        "the database refuses line 2 of the query",
        'why: relation "nowhere" does not exist',
        "hint: if the catalogue's own tables are missing: python app.py catalogue init-db",
    ]


def test_a_lost_connection_is_an_error_of_the_database(connection: Connection, database_url: str) -> None:
    with closing(connect(database_url)) as other:  # noqa: SIM117
        with answering(connection, statement_of("SELECT generate_series(1, 5000)"), {}) as answer:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (connection.info.backend_pid,))
            with pytest.raises(DatabaseError, match="the database refuses the query"):
                list(answer.batches())


def test_sql_that_drops_an_offset_runs_as_it_is_written_and_answers_something_else(connection: Connection) -> None:
    """The questions of analysts look like this; columns have names with blanks, brackets and percent signs."""
    connection.execute(
        "INSERT INTO stream (start_at, user_email, movie_title, end_at, size_mb, first_load, last_load) VALUES "
        "('2021-12-25 06:30Z', 'a@b.c', 'Rain', '2021-12-25 06:45Z', 900.5, 1, 1), "
        "('2021-12-25 11:30Z', 'z@b.c', 'RAIN', '2021-12-25 18:00Z', 100.1, 1, 1)"
    )
    sql = """
with affected as (
    select distinct user_email from stream
    where start_at between '2021-12-25T07:00:00.000+0100'::timestamp and '2021-12-25T12:00:00.000+0100'::timestamp
    or end_at between '2021-12-25T07:00:00.000+0100'::timestamp and '2021-12-25T12:00:00.000+0100'::timestamp
)
select
    array_agg(user_email) as users,
    (select avg(EXTRACT(EPOCH FROM (end_at - start_at)))::int from stream) as "avg duration (seconds), 100 %",
    (select round((percentile_cont(0.5) within group (order by size_mb::numeric) / 1000)::numeric, 2)
    from stream) median
from affected
"""
    rest = {"avg duration (seconds), 100 %": 12150, "median": Decimal("0.50")}
    assert ask(connection, sql) == [{"users": ["z@b.c"], **rest}]
    assert ask(connection, sql.replace("::timestamp", "::timestamptz")) == [{"users": ["a@b.c"], **rest}]
    assert len(remarks(statement_of(sql), {})) == 4
