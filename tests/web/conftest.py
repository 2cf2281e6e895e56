"""A real `serve` over all systems with the demo of each, for the tests of what their pages have in common."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from metrics.frames.producer import generator
from tests.catalogue.web.serving import create_tables
from tests.harvest.web.test_running import ended, start
from tests.kafka.application import STARTED, Application, frame, wait_until
from tests.postgres.databases import create_database, drop_database, with_database

RATE = 6  # frames a second


@pytest.fixture(scope="session")
def all_systems(
    bootstrap_servers: str, database_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Give the address of a server over all systems; the jobs of frames and views run beside it.

    All have something to show: frames counted and rejected, view events, a harvest, loads and rejected records.
    """
    folder = tmp_path_factory.mktemp("systems")
    name = create_database(database_server)
    url = with_database(database_server, name)
    topics = {"VIEWS_TOPIC": f"{name}-events", "VIEWS_REJECTED_TOPIC": f"{name}-rejected"}
    variables = {"DATABASE_URL": url, "HARVEST_DIR": str(folder), **topics}
    application = Application(bootstrap_servers, variables)
    create_tables(url)
    application.run("views", "init-db")
    application.run("topics", "create", *topics.values())
    count_frames(application)
    live = folder / "live.jsonl"
    live.write_bytes(b"".join(one + b"\n" for one in generator.frames(count=RATE * 1_800, rate=RATE, users=400)))
    with ExitStack() as closing:
        commands = ((), ("views", "count"), ("feed", live, "--now", "--realtime"), ("serve", "--port", "0"))
        for process in (application.start(*command) for command in commands):
            STARTED.remove(process)  # it outlives a test
            closing.callback(lambda ended: print(*ended.communicate(), sep="\n"), process)
            closing.callback(process.kill)
        assert process.stdout is not None
        found = re.search(r"http://[0-9.]+:[0-9]+", process.stdout.readline())
        assert found is not None
        show(application, folder, found[0])
        wait_until(lambda: application.committed_windows("minutes") > 1, "frames are counted")
        yield found[0]
    drop_database(database_server, name)


def count_frames(application: Application) -> None:
    """Send frames of the last minutes to two partitions, and ones that are rejected for two reasons."""
    application.create_topics(2)
    now = int(time.time())
    for partition in range(2):
        frames = [frame(now - 300 + number // 3, f"{number * 7 % 199:x}") for number in range(900)]
        application.send([*frames, b"{", b'{"ts": 1}', *[b"{"] * 5], partition)


def show(application: Application, folder: Path, address: str) -> None:
    """Send view events, load movies of which some are rejected, and harvest for some seconds."""
    application.run("views", "generate", folder / "views.jsonl", "--count", "5000")
    application.run("views", "send", folder / "views.jsonl", "--to", address)
    application.run("catalogue", "generate", folder / "data" / "catalogue")
    load = application.command(
        "catalogue", "load", "--model", "movie", "--config", "data/catalogue/internal/movies.csv"
    )
    subprocess.run(load, cwd=folder, env=application.environment(), check=True)
    with httpx.Client(base_url=address, timeout=60) as client:
        ended(client, start(client, seconds=4, name="nobody"))
