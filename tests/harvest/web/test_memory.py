"""The memory of a server of harvest: what many requests over large and many runs leave in it."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import psutil
import pytest

from tests.harvest.web.serving import MINUTE_US, START_US, Sent, message, record
from tests.harvest.web.test_serve import ended, serving

MB = 1 << 20
EVENTS, SMALL_RUNS = 24_000, 10
RUN = "20231207_170121"
PATHS = (
    "/user_report",
    "/recent_shows",
    "/harvest/runs",
    f"/harvest/runs/{RUN}",
    f"/harvest/runs/{RUN}/users?limit=1000",
    f"/harvest/runs/{RUN}/events?limit=1000&after=5000",
)


def sent(count: int) -> Iterator[Sent]:
    random = Random(1)
    for number in range(count):
        shown = message(random.randrange(5_000), f"s{random.randrange(500)}", "17:01:22.000", director="x" * 1_000)
        yield Sent(random.choice(["sytflix", "sysney"]), f"{number}", "stream-started", shown)


def read(client: httpx.Client, path: str) -> int:
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        return sum(map(len, answer.iter_raw()))


def memory_mb(process: subprocess.Popen[str]) -> float:
    return float(psutil.Process(process.pid).memory_info().rss / MB)


@pytest.mark.slow
def test_events_are_not_kept_in_memory(tmp_path: Path) -> None:
    record(tmp_path, sent(EVENTS))
    for number in range(SMALL_RUNS):
        record(tmp_path, sent(20), started_us=START_US + (number + 1) * MINUTE_US)
    stored = tmp_path / "processed" / f"processed_{RUN}.csv"
    assert stored.stat().st_size > 25 * MB
    with serving(tmp_path) as (process, client):
        read(client, "/recent_shows?run=latest")
        before_mb = memory_mb(process)
        for _ in range(5):
            assert read(client, f"/harvest/runs/{RUN}/events?format=csv") == stored.stat().st_size
        assert memory_mb(process) < before_mb + 10
        sizes = [read(client, path) for path in PATHS]
        once_mb = memory_mb(process)
        assert once_mb < before_mb + 100
        for _ in range(8):
            assert [read(client, path) for path in PATHS] == sizes
        assert memory_mb(process) < once_mb + 40
        print(f"{before_mb:.0f} MB at first, {once_mb:.0f} MB after each request once, {memory_mb(process):.0f} MB")
        ended(process)
