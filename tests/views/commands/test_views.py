"""`views`, `views serve` and `views count` as their users run them, on a real broker and a real database."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from confluent_kafka.admin import AdminClient
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from metrics.kafka import local_broker
from metrics.kafka.topics import partition_counts
from metrics.postgres.connect import connect
from metrics.views import schema
from metrics.views.settings import ViewsSettings
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import PROJECT, STARTED, TIMEOUT_S, Application, finish, wait_until

pytestmark = pytest.mark.slow

METRICS_PAGE = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
NOON = 1_764_331_200  # 2025-11-28T12:00:00Z


def event(number: int, user: int = 1, media: int = 7, kind: str = "waypoint") -> bytes:
    fields = {"EventId": f"e{number}", "MediaId": media, "UserId": user, "Timestamp": NOON + number}
    return json.dumps({**fields, "DateTime": "2025-11-28T12:00:00Z", "EventType": kind}).encode()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Views:
    """Commands of views with topics and tables of their own.

    Attributes:
        port: where the API is served.
    """

    def __init__(self, application: Application, url: str) -> None:
        self.application = application
        self.port = free_port()
        application.variables |= {
            "VIEWS_TOPIC": application.topic("events"),
            "VIEWS_REJECTED_TOPIC": application.topic("refused"),
            "DATABASE_URL": url,
        }

    def prepare(self) -> None:
        self.application.run("topics", "create", *self.settings().views_topics().values())
        self.application.run("views", "init-db")

    def settings(self) -> ViewsSettings:
        return ViewsSettings.load(self.application.environment())

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run a command that serves, until the end of the context or of the process."""
        process = self.application.start("views", *arguments, "--port", str(self.port))
        wait_until(self.is_answering, "the server answers")
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            finish(process)

    def is_answering(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, *lines: bytes) -> httpx.Response:
        """Upload lines."""
        headers = {"Content-Type": "application/x-ndjson"}
        return httpx.post(f"{self.address}/views/events", content=b"\n".join(lines), headers=headers, timeout=TIMEOUT_S)

    def view_time(self) -> int:
        """Return the view time of item 7 in seconds; 0 if no event about it was counted."""
        answer = httpx.get(f"{self.address}/media/getstats/7/?user_views=false", timeout=TIMEOUT_S)
        return int(answer.json()["data"]["view_time"]) if answer.status_code == 200 else 0


@pytest.fixture
def views(application: Application, database_url: str) -> Views:
    return Views(application, database_url)


def table_of(printed: str) -> dict[str, list[str]]:
    """Return the rows of the last table by their names."""
    rows = printed[printed.index("this run") :].splitlines()[1:]
    return {row[0]: row[1:] for row in (re.split(r"\s{2,}", row.strip()) for row in rows)}


def test_one_process_takes_counts_answers_exports_and_sums_up(views: Views) -> None:
    exposed = Exposed(views.application)
    views.prepare()
    with views.running() as process:
        one = httpx.post(
            f"{views.address}/event/create/", content=event(1), headers={"Content-Type": "application/json"}
        )
        assert (one.status_code, one.json()) == (200, {"status": "success"})
        #   e1 again, e2, a start, no JSON, no MediaId
        uploaded = views.post(event(1), event(2), event(3, kind="streamstart"), b"{", event(4).replace(b"7", b'"7"', 1))
        assert (uploaded.status_code, uploaded.json()["accepted"], uploaded.json()["rejected"]) == (200, 3, 2)
        wait_until(lambda: views.view_time() == 60, "both waypoints are counted")
        wait_until(lambda: exposed.value('views_events_total{outcome="duplicate"}') == 1, "the duplicate is counted")
        assert exposed.get("/readyz") == (200, "ready\n")
        assert exposed.get("/healthz") == (200, "alive\n")
        scraped = exposed.scrape()
        process.send_signal(signal.SIGINT)
        printed = finish(process)
    expected = {
        'views_events_total{outcome="counted"}': 3,
        'views_events_total{outcome="invalid"}': 0,
        'views_lines_total{outcome="accepted"}': 4,
        'views_lines_total{outcome="rejected"}': 2,
        'views_rejected_total{reason="not JSON"}': 1,
        'views_rejected_total{reason="wrong MediaId"}': 1,
        'views_rejected_total{reason="missing UserId"}': 0,
        'views_lag_records{partition="0"}': 0,
        'views_outages_total{of="database"}': 0,
        "views_uploads_open": 0,
        "views_users": 1,
        "views_ready": 1,
        "views_batch_records_sum": 4,
    }
    assert {name: scraped[name] for name in expected} == expected
    assert scraped["views_last_commit_timestamp_seconds"] == pytest.approx(time.time(), abs=60)
    assert exported(scraped) == documented()
    table = table_of(printed)
    assert [table[name] for name in ("lines taken", "accepted", "rejected", "rejected: not JSON")] == [
        ["6", "-"],
        ["4", "-"],
        ["2", "-"],
        ["1", "-"],
    ]
    assert [table[name] for name in ("records read", "counted", "duplicates", "invalid", "users", "lag")] == [
        ["4", "4"],
        ["3", "3"],
        ["1", "1"],
        ["0", "0"],
        ["1", "1"],
        ["-", "0"],
    ]


def exported(scraped: dict[str, float]) -> set[str]:
    """Return the names of the families of views."""
    names = {sample.partition("{")[0] for sample in scraped}
    return {re.sub("_(bucket|sum|count)$", "", name) for name in names if name.startswith("views_")}


def documented() -> set[str]:
    return set(re.findall(r"^\| `(views_\w+)` \|", METRICS_PAGE, re.MULTILINE))


def test_while_the_database_is_away_events_are_taken_and_the_job_gives_up_in_time(
    views: Views, database_server: str, database_url: str
) -> None:
    exposed = Exposed(views.application)
    views.prepare()
    views.application.variables["DATABASE_TIMEOUT_S"] = "4"
    with views.running() as process:
        views.post(event(1))
        wait_until(lambda: views.view_time() == 30, "it is counted")
        with no_connections(database_server, database_url):
            uploaded = views.post(event(2), event(3))
            assert uploaded.json()["accepted"] == 2
            assert httpx.get(f"{views.address}/readyz").status_code == 200, "it takes events"
            assert httpx.get(f"{views.address}/views/media", timeout=TIMEOUT_S).status_code == 503
            wait_until(lambda: exposed.value('views_outages_total{of="database"}') == 1, "the outage is counted")
            said = finish(process, exit_code=10)
    assert "error: the database" in said
    assert "hint: " in said
    assert "nothing is lost, the topic holds 2 events that are not counted yet" in said
    counted = views.application.run("views", "count", "--until-end")
    assert table_of(counted)["counted"] == ["2", "3"]


@contextmanager
def no_connections(server: str, url: str) -> Iterator[None]:
    """End all connections to a database, and refuse new ones."""
    with closing(connect(server)) as connection:

        def allow(*, is_allowed: bool) -> None:
            change = SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(Identifier(name), SQL(str(is_allowed)))
            connection.execute(change)

        name = str(conninfo_to_dict(url)["dbname"])
        allow(is_allowed=False)
        try:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            yield
        finally:
            allow(is_allowed=True)


def test_the_api_answers_while_another_instance_counts_and_takes_over_after_it(views: Views) -> None:
    exposed = Exposed(views.application)
    views.prepare()
    other = dict(views.application.variables) | {"METRICS_PORT": ""}
    count = Application(views.application.bootstrap_servers, other, views.application.name).start("views", "count")
    wait_until(lambda: has_instance(views), "the other instance counts")
    with views.running():
        views.post(event(1))
        wait_until(lambda: views.view_time() == 30, "the other instance has counted it")
        assert exposed.get("/readyz").status == 503
        assert "standby" in exposed.get("/readyz").text
        assert [name for name in exposed.scrape() if name.startswith("views_events")] == []
        count.send_signal(signal.SIGINT)
        finish(count)
        wait_until(lambda: exposed.value("views_ready") == 1, "it has taken over")
        views.post(event(2))
        wait_until(lambda: views.view_time() == 60, "it counts")


def test_a_topic_is_not_deleted_while_it_is_counted(views: Views) -> None:
    views.prepare()
    topic = views.settings().views_topic
    count = views.application.start("views", "count")
    wait_until(lambda: has_instance(views), "it counts")
    assert f"error: {topic}: in use" in views.application.run("topics", "delete", topic, "--yes", exit_code=5)
    count.send_signal(signal.SIGINT)
    finish(count)
    assert f"topic {topic}: deleted" in views.application.run("topics", "delete", topic, "--yes")


def has_instance(views: Views) -> bool:
    with closing(schema.open_views(str(views.settings().database_url), views.settings())) as connection:
        return connection.execute("SELECT FROM consumed WHERE instance IS NOT NULL").fetchone() is not None


def test_until_the_end_of_the_topic_everything_is_counted_and_the_server_ends(views: Views) -> None:
    views.prepare()
    with views.running("serve"):
        views.post(*(event(number, user=number % 9) for number in range(500)))
    printed = views.application.run("views", "--until-end", "--port", str(views.port))
    assert table_of(printed)["counted"] == ["500", "500"]
    assert not views.is_answering()


def test_a_terminal_shows_one_live_line(views: Views) -> None:
    views.prepare()
    ours, theirs = pty.openpty()
    command = views.application.command("views", "--port", str(views.port))
    environment = views.application.environment() | {"COLUMNS": "160", "TERM": "xterm"}
    process = subprocess.Popen(command, env=environment, stdout=theirs, stderr=theirs, text=True)
    STARTED.append(process)
    os.close(theirs)
    wait_until(views.is_answering, "the server answers")
    views.post(event(1), event(2), b"{")
    line = "taken 3 · accepted 2 · rejected 1 · counted 2 · duplicates 0 · lag 0 · "
    said = ""
    while line not in said:
        said += os.read(ours, 1 << 16).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # the terminal is closed when the process ends
        while part := os.read(ours, 1 << 16):
            said += part.decode(errors="replace")
    os.close(ours)
    assert process.wait(TIMEOUT_S) == 0
    assert re.search(r"lag 0 · [0-9.,]+ events/s", said)


def test_no_topic_is_created_if_the_tables_count_another_one(database_url: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "broker")
    views = Views(Application("", {"LOCAL_BROKER_DIR": folder}), database_url)
    views.application.run("views", "init-db")
    with closing(schema.open_views(database_url, views.settings())) as connection:
        connection.execute("INSERT INTO consumed VALUES ('a cluster', 'other', 'its id', 0, 7)")
    with local_broker.shared(Path(folder), print) as address:
        said = views.application.run("views", "count", "--until-end", exit_code=7)
        assert f"why: VIEWS_TOPIC={views.settings().views_topic}, but the tables count other" in said
        assert partition_counts(AdminClient({"bootstrap.servers": address})) == {}


def test_a_closed_terminal_stops_the_job_after_a_last_commit(views: Views) -> None:
    views.prepare()
    ours, theirs = pty.openpty()
    command = ["setsid", "--ctty", *views.application.command("views", "count")]
    process = subprocess.Popen(
        command, env=views.application.environment(), stdin=theirs, stdout=theirs, stderr=theirs, text=True
    )
    STARTED.append(process)
    os.close(theirs)
    wait_until(lambda: has_instance(views), "it counts")
    os.close(ours)
    assert process.wait(TIMEOUT_S) >= 0, "no signal has killed it"
    with closing(schema.open_views(str(views.settings().database_url), views.settings())) as connection:
        assert connection.execute("SELECT instance -> 2 FROM consumed WHERE instance IS NOT NULL").fetchall() == [
            (False,)  # Instance.is_active: a standby need not wait for a heartbeat
        ]


def test_the_server_of_all_systems_takes_view_events_and_answers_too(views: Views) -> None:
    views.prepare()
    process = views.application.start("serve", "--port", str(views.port))
    wait_until(views.is_answering, "the server answers")
    assert views.post(event(1)).json()["accepted"] == 1
    views.application.run("views", "count", "--until-end")
    assert views.view_time() == 30
    assert httpx.get(f"{views.address}/views", timeout=TIMEOUT_S).status_code == 200
    process.send_signal(signal.SIGINT)
    finish(process)


def test_a_server_starts_while_its_broker_is_away_and_takes_no_events(database_url: str) -> None:
    views = Views(Application(f"127.0.0.1:{free_port()}"), database_url)
    views.application.run("views", "init-db")
    with views.running("serve") as process:
        assert views.view_time() == 0, "the database answers"
        refused = views.post(event(1))
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        process.send_signal(signal.SIGINT)
        assert "warning: the topics are not checked yet: no broker answers at" in finish(process)


def test_a_server_that_is_open_to_others_refuses_events_without_a_token(views: Views) -> None:
    views.prepare()
    with views.running("serve", "--host", "0.0.0.0"):
        assert views.post(event(1)).status_code == 403


def test_named_servers_without_topics_or_tables_are_refused_with_the_commands_that_create_them(views: Views) -> None:
    said = views.application.run("views", "count", exit_code=5)
    events, rejected = views.settings().views_topics().values()
    assert f"hint: create it: python app.py topics create {events} {rejected}" in said
    views.application.run("topics", "create", events, rejected)
    assert "python app.py views init-db" in views.application.run("views", "count", exit_code=10)
