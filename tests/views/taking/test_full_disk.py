"""A broker whose disk is full: what is acknowledged is in the topic, and events are taken again once there is room."""

import json
import random
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from metrics.kafka import local_broker
from tests.kafka.application import wait_until
from tests.small_disk import enlarge, small_disk
from tests.views.web.taken import JSON, LINES, Serving, line, serving, settings_of, stored

pytestmark = [pytest.mark.broker, pytest.mark.long, pytest.mark.timeout(600)]

NUMBER = 1_000


def upload(server: Serving, name: int) -> httpx.Response:
    """Upload a megabyte that hardly compresses."""
    draw = random.Random(name)
    lines = [line(f"{name} {number}", Note=draw.randbytes(500).hex()) for number in range(NUMBER)]
    return server.client.post("/views/events", content=b"\n".join(lines), headers=LINES)


def test_a_full_disk_refuses_events_and_loses_none_that_is_acknowledged(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "8m"), ExitStack() as first_broker:
        address = first_broker.enter_context(local_broker.shared(disk, print))
        settings = settings_of(address, broker_timeout_s=3)
        with serving(settings) as server:
            accepted: list[int] = []
            answer = upload(server, 0)
            while answer.status_code == 200:
                accepted.append(answer.json()["accepted"])
                answer = upload(server, len(accepted))
            assert (answer.status_code, "send the same again" in answer.json()["error"]) == (503, True)
            accepted.append(answer.json()["accepted"])
            assert accepted == [NUMBER] * (len(accepted) - 1) + [accepted[-1]]
            assert len(accepted) > 1
            assert accepted[-1] < NUMBER
            one = server.client.post("/event/create/", content=line("one"), headers=JSON)
            assert (one.status_code, one.headers["Retry-After"]) == (503, "5")
            first_broker.close()

            enlarge(disk, "200m")
            with local_broker.shared(disk, print) as again:
                assert again == address
                wait_until(lambda: upload(server, -1).status_code == 200, "events are taken again")
                ids = [json.loads(record.value)["EventId"] for record in stored(settings, settings.views_topic)]
                found = Counter(int(event_id.partition(" ")[0]) for event_id in {*ids} - {"one"})
    assert all(number <= found[name] for name, number in enumerate(accepted)), "each acknowledged event is in the topic"
    assert found[-1] == NUMBER
