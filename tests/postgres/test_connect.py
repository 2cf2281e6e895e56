"""Connections, against a real database, and the errors of those that fail."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from threading import Event, Timer
from time import monotonic

import psycopg
import pytest
from psycopg.rows import TupleRow

from metrics.postgres import connect as module
from metrics.postgres.connect import AnswerLimit, connect, database_errors
from metrics.wording.errors import DatabaseError, MetricsError, NoAnswerError, SettingsError
from tests.postgres.databases import with_database

Connection = psycopg.Connection[TupleRow]

SLOW = (
    "CREATE TABLE film (title text); CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql "
    "AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'"
)


def refused(url: str) -> MetricsError:
    with pytest.raises(MetricsError) as error:
        connect(url).close()
    return error.value


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_session_is_in_utc_and_utf_8_and_commits_each_statement(database_url: str) -> None:
    with closing(connect(database_url, name="the tests")) as connection:
        shown = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in ("TimeZone", "DateStyle")]
        assert shown == [("UTC",), ("ISO, YMD",)]
        assert connection.info.encoding == "utf-8"
        assert connection.autocommit
        assert connection.execute("SELECT current_setting('application_name')").fetchone() == ("the tests",)
        assert connection.execute("SELECT current_setting('client_connection_check_interval')").fetchone() == ("5s",)


def test_a_host_that_is_gone_is_noticed_unless_the_url_has_limits_of_its_own(database_url: str) -> None:
    with closing(connect(f"{database_url}{'&' if '?' in database_url else '?'}keepalives_idle=99")) as connection:
        parameters = connection.info.get_parameters()
    limits = [parameters[name] for name in ("keepalives_idle", "keepalives_interval", "tcp_user_timeout")]
    assert limits == ["99", "5", "30000"]


def test_a_driver_in_the_url_is_ignored(database_url: str) -> None:
    for scheme in ("postgresql+psycopg2", "postgres+psycopg", "postgres"):
        with closing(connect(database_url.replace("postgresql", scheme, 1))) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_that_does_not_run_is_an_error_without_the_password(closed_port: int) -> None:
    error = refused(f"postgresql://loader:s3cret@127.0.0.1:{closed_port}/catalogue")
    assert isinstance(error, DatabaseError)
    assert error.what == "the database cannot be reached"
    assert f'at "127.0.0.1", port {closed_port} failed: Connection refused' in error.why
    assert "DATABASE_URL" in error.hint
    assert "s3cret" not in f"{error}{error.__cause__}"


def test_a_server_that_does_not_answer_is_given_up_after_the_limit_in_the_url() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        error = refused(f"postgresql://loader@127.0.0.1:{mute.getsockname()[1]}/catalogue?connect_timeout=2")
    assert isinstance(error, DatabaseError)
    assert "timeout expired" in error.why


def test_a_database_that_does_not_exist_is_named(database_server: str) -> None:
    error = refused(with_database(database_server, "no_such_database"))
    assert isinstance(error, DatabaseError)
    assert '"no_such_database" does not exist' in error.why


def test_a_user_that_may_not_connect_is_an_error_with_the_servers_reason(database_url: str) -> None:
    _, _, rest = database_url.partition("@")
    error = refused(f"postgresql://no_such_user:s3cret@{rest}")
    assert isinstance(error, DatabaseError)
    assert "no_such_user" in error.why  # does not exist, or failed to authenticate
    assert "s3cret" not in f"{error}{error.__cause__}"


def test_a_server_that_refuses_the_user_or_the_database_is_not_one_that_is_away(
    database_server: str, closed_port: int
) -> None:
    error = refused(with_database(database_server, "no_such_database"))
    assert not isinstance(error, NoAnswerError)
    assert error.what == "the database refuses the connection"
    assert "password" in error.hint
    assert isinstance(refused(f"postgresql://loader@127.0.0.1:{closed_port}/catalogue"), NoAnswerError)


def test_a_server_that_is_too_old_is_an_error_with_its_version(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OLDEST", 990_000)  # there is none at hand that is older than 14
    error = refused(database_url)
    assert isinstance(error, DatabaseError)
    assert error.what.startswith("the database is PostgreSQL 1")
    assert error.what.endswith(", which is too old")
    assert error.hint == "use PostgreSQL 99 or newer"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://loader:s3@cret@127.0.0.1:1/catalogue",
        "postgresql://loader:s3/cret@127.0.0.1:1/catalogue",
        "postgresql://loader:s3%cret@127.0.0.1:1/catalogue",
        "postgresql://loader:s3?cr@et@127.0.0.1:1/catalogue",
        "postgresql://loader:s3cret@127.0.0.1:port/catalogue",
        "postgresql://loader:s3cret@[::1/catalogue",
        "postgresql://loader:s3cret@127.0.0.1:1/catalogue?connect_timeout=soon",
        "postgresql://loader:s3cret@127.0.0.1:1/catalogue?nonsense=1",
    ],
)
def test_a_url_that_cannot_be_read_is_a_settings_error_without_any_part_of_it(url: str) -> None:
    error = refused(url)
    assert isinstance(error, SettingsError)
    assert error.what == "DATABASE_URL cannot be read"
    assert "percent-encode" in error.hint
    for part in ("s3", "cret", "et@", "nonsense", "soon"):
        assert part not in f"{error.what}{error.why}"
    assert error.__cause__ is None
    assert error.__context__ is None, "a traceback would show it"


def test_encoded_characters_are_part_of_a_password(closed_port: int) -> None:
    error = refused(f"postgresql://loader:s3%40cr%2Fet@127.0.0.1:{closed_port}/catalogue")
    assert isinstance(error, DatabaseError)
    assert "Connection refused" in error.why


def test_an_error_has_the_servers_message_detail_and_hint(database_url: str) -> None:
    with closing(connect(database_url)) as connection:
        connection.execute("CREATE TABLE film (title text PRIMARY KEY); INSERT INTO film VALUES ('Heat')")
        with pytest.raises(DatabaseError) as failed, database_errors("the film cannot be added", hint="ours"):
            connection.execute("INSERT INTO film VALUES ('Heat')")
        assert failed.value.what == "the film cannot be added"
        assert failed.value.why == (
            'duplicate key value violates unique constraint "film_pkey"\nKey (title)=(Heat) already exists.'
        )
        assert failed.value.hint == "ours"
        with pytest.raises(DatabaseError) as failed, database_errors("no film", hint="ours"):
            connection.execute("SELECT titel FROM film")
        assert failed.value.hint == 'Perhaps you meant to reference the column "film.title".'


@pytest.fixture
def limited(database_url: str) -> Iterator[Connection]:
    """Give a connection whose server must answer within a second."""
    with closing(connect(database_url, limit=AnswerLimit(1, Event()))) as connection:
        yield connection


@contextmanager
def not_answered() -> Iterator[None]:
    """Expect that a statement fails long before it is answered, and says why."""
    began_s = monotonic()
    with pytest.raises(DatabaseError) as failed, database_errors("it failed"):
        yield
    assert failed.value.why.startswith("the database does not answer")
    assert monotonic() - began_s < 30


def test_a_statement_that_is_not_answered_fails_and_closes_the_connection(limited: Connection) -> None:
    with not_answered(), limited.transaction():
        limited.execute("SELECT pg_sleep(60)")
    assert limited.closed


def test_a_commit_that_is_not_answered_fails(limited: Connection) -> None:
    limited.execute(
        f"{SLOW}; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON film DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION sleep()"
    )
    with not_answered(), limited.transaction():
        limited.execute("INSERT INTO film VALUES ('Heat')")


def test_a_copy_that_is_not_answered_fails(limited: Connection) -> None:
    limited.execute(f"{SLOW}; CREATE TRIGGER slow BEFORE INSERT ON film FOR EACH ROW EXECUTE FUNCTION sleep()")
    with not_answered(), limited.transaction(), limited.cursor().copy("COPY film FROM STDIN") as copy:
        for number in range(1_000_000):  # more than the system keeps for a server that reads nothing
            copy.write_row((f"{number:100}",))
    with pytest.raises(psycopg.OperationalError):
        limited.execute("SELECT 1")


def test_a_statement_may_take_longer_than_the_limit_if_the_server_sends_something(limited: Connection) -> None:
    began_s = monotonic()
    limited.execute(
        "DO 'BEGIN FOR number IN 1..8 LOOP PERFORM pg_sleep(0.25); RAISE WARNING $$at %$$, number; END LOOP; END'"
    )
    assert monotonic() - began_s > 2


def test_an_answer_that_is_overdue_is_reported_once_and_awaited(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OVERDUE_S", 0.5)
    reported: list[float] = []
    limit = AnswerLimit(600, Event(), lambda: reported.append(monotonic()))
    with closing(connect(database_url, limit=limit)) as connection:
        before = len(reported)
        assert connection.execute("SELECT 1 FROM pg_sleep(2)").fetchone() == (1,)
        assert len(reported) == before + 1


def test_from_a_stop_on_a_statement_must_be_answered_soon(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOPPING_S", 0.5)
    stopping = Event()
    with closing(connect(database_url, limit=AnswerLimit(600, stopping))) as connection:
        connection.execute("SELECT pg_sleep(1)")
        Timer(0.5, stopping.set).start()
        with not_answered():
            connection.execute("SELECT pg_sleep(60)")
