"""A disk that is full: nothing is lost or doubled, and counting goes on once there is room."""

from contextlib import closing
from pathlib import Path

import pytest

from metrics.postgres import local_server
from metrics.postgres.connect import connect
from tests.kafka.application import Application, finish
from tests.small_disk import enlarge, small_disk
from tests.views.job.topic import Topic, drawn

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]


def test_events_wait_in_the_topic_until_the_database_has_room_for_them(
    application: Application, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "6m"), local_server.shared(tmp_path / "database", print) as url:
        with closing(connect(url)) as connection:
            # Tables only: without room for its own log, PostgreSQL ends.
            connection.execute(f"CREATE TABLESPACE small LOCATION '{disk}'".encode())
            connection.execute("ALTER DATABASE metrics SET default_tablespace = small")
        topic = Topic(application, url)
        application.variables |= {"VIEWS_BATCH": "1000", "DATABASE_TIMEOUT_S": "3"}
        topic.send(drawn(1, 60_000, ids=60_000))
        said = topic.count(exit_code=10)
        assert "No space left on device" in said
        uncounted = len(topic.records) - topic.read()
        assert 0 < uncounted < len(topic.records)
        assert f"hint: Check free disk space; nothing is lost, the topic holds {uncounted:,} events" in said

        application.variables["DATABASE_TIMEOUT_S"] = "60"
        process = topic.started("--until-end")
        assert process.stderr is not None
        while "; retrying for up to 60 s" not in process.stderr.readline():
            assert process.poll() is None
        enlarge(disk, "200m")
        finish(process)
        topic.check()
