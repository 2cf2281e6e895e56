"""The rules for views in docs/operations.md: with them, and nothing else, its commands work on real servers."""

import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import pytest
from psycopg import sql

from metrics.postgres.connect import connect
from tests.kafka.access import allow, guarded, let_in_as
from tests.kafka.application import PROJECT, TIMEOUT_S, Application
from tests.views.core.test_recount import line

pytestmark = [pytest.mark.broker, pytest.mark.slow]

COMMANDS = ("topics create", "views send", "views count", "views verify")
PAGE = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]*`(?:views|topics) \w+`[^|]*) \| (topic|group) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
[GRANTS] = re.findall(r"```sql\n(GRANT .*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with guarded(tmp_path_factory.mktemp("guarded"), map(_user, COMMANDS)) as addresses:
        yield addresses


def _user(command: str) -> str:
    return command.replace(" ", "-")


def _allow(open_address: str, variables: dict[str, str]) -> None:
    """Give each user what docs/operations.md says that its command needs."""
    for command in COMMANDS:
        rows = [row for row in ROW.findall(PAGE) if f"`{command}`" in row[0]]
        assert rows, command
        for _, kind, names, operations in rows:
            for variable in re.findall(r"`([A-Z_]+)`", names):
                allow(open_address, _user(command), kind, variables[variable], operations)


def test_the_documented_rules_and_grants_are_enough(addresses: dict[str, str], database_url: str) -> None:
    variables = {
        "VIEWS_TOPIC": "view-events",
        "VIEWS_REJECTED_TOPIC": "view-events-rejected",
        "CONSUMER_GROUP_ID": "views",
    }
    _allow(addresses["OPEN"], variables)
    owner = Application(addresses["PASSWORD"], variables | {"DATABASE_URL": database_url})
    owner.run("views", "init-db")
    with closing(connect(database_url)) as connection:
        for role in ("counter", "reader"):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'secret'").format(sql.Identifier(role)))
        try:
            connection.execute(GRANTS.encode())
            _run_all(addresses, variables, database_url)
        finally:
            connection.execute("DROP OWNED BY counter, reader; DROP ROLE counter, reader")


def _run_all(addresses: dict[str, str], variables: dict[str, str], database_url: str) -> None:
    def let_in(command: str, role: str = "reader") -> Application:
        made = Application(addresses["PASSWORD"], variables | {"DATABASE_URL": _as(database_url, role)})
        let_in_as(made, _user(command))
        return made

    let_in("topics create").run("topics", "create", *[*variables.values()][:2])
    sending = let_in("views send")
    process = sending.start("views", "send", "-", stdin=-1)
    printed = process.communicate((line("a", 1, 7) + b"\n{}\n").decode(), timeout=TIMEOUT_S)
    assert process.returncode == 0, printed
    counting = let_in("views count", "counter")
    assert re.search(r"^counted +1 ", counting.run("views", "count", "--until-end"), re.MULTILINE)
    counting.variables["CONSUMER_GROUP_ID"] = "another"
    denied = counting.run("views", "count", exit_code=4)
    assert "allow this user Read on the group CONSUMER_GROUP_ID" in denied
    assert "agree" in let_in("views verify").run("views", "verify")


def _as(url: str, role: str) -> str:
    """Return the URL of a database for another role."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:secret@{host}"))
