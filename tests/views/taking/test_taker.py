"""Taking without a broker: figures for other threads, and what happens after records that expired."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from confluent_kafka import Producer

from metrics.kafka.clients import open_keyed_producer
from metrics.views.settings import ViewsSettings
from metrics.views.taking import outbox
from metrics.views.taking.outbox import Delivery, Outbox
from metrics.views.taking.taker import End, Taker
from metrics.views.taking.upload import Taken
from tests.views.web.taken import line

AWAY = ViewsSettings(bootstrap_servers="127.0.0.1:1", broker_timeout_s=1)


async def pieces(body: list[bytes]) -> AsyncIterator[bytes]:
    for piece in body:
        yield piece


@contextmanager
def switching_often() -> Iterator[None]:
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)


def test_figures_that_another_thread_reads_never_go_down() -> None:
    taker = Taker(AWAY, lambda: None)
    wrong = [b'{"EventId":1}\n', b"[]\n", b"{\n", b"{}\n", b'{"MediaId":1}\n']

    async def take() -> None:
        await asyncio.gather(*(taker.take_body(pieces(wrong), "identity", "a client") for _ in range(200)))

    with switching_often():
        server = Thread(target=lambda: asyncio.run(take()))
        server.start()
        seen = [taker.figures]
        while server.is_alive():
            seen.append(taker.figures)
            assert seen[-1].lines >= seen[-2].lines
            assert sum(seen[-1].by_reason.values()) >= sum(seen[-2].by_reason.values())
    last = taker.figures
    assert taker.figures is last, "the server's thread has published them; reading adds nothing up"
    assert (last.lines, last.rejected, last.uploads_open) == (1_000, 1_000, 0)
    assert last.by_reason["not JSON"] == 200


def test_an_upload_ends_soon_after_one_of_its_records_has_expired() -> None:
    read = 0

    async def many() -> AsyncIterator[bytes]:
        nonlocal read
        for number in range(200):
            read = number
            yield line(f"away {number}") + b"\n"
            await asyncio.sleep(0.05)

    async def take() -> tuple[End, Taken]:
        return await Taker(AWAY, lambda: None).take_body(many(), "identity", "a client")

    end, taken = asyncio.run(take())
    assert (end, taken.accepted) == (End.UNACKNOWLEDGED, 0)
    assert read < 150


def test_after_a_record_has_expired_the_next_ones_get_a_new_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Producer] = []

    def count(*arguments: Any) -> Producer:
        opened.append(open_keyed_producer(*arguments))
        return opened[-1]

    monkeypatch.setattr(outbox, "open_keyed_producer", count)
    box = Outbox(AWAY)
    delivery = Delivery(box)
    for sent in (1, 2):
        box.send("events", [{"key": b"7", "value": b"{}"}], delivery)
        assert len(opened) == sent
        box.settle(30)
        assert (delivery.failed, box.bytes, box.is_failing) == (sent, 0, True)
