"""Single events of several senders, which are handed over together, but answered each for itself."""

import asyncio

import pytest

from metrics.kafka.clients import open_admin
from metrics.views import topics_in_use
from metrics.views.settings import ViewsSettings
from metrics.views.taking import settling
from metrics.views.taking.outbox import Outbox, Record
from metrics.views.taking.single import SingleEvents
from metrics.views.taking.taker import Taker
from metrics.wording.errors import BrokerError
from tests.views.web.taken import line, settings_of

AWAY = ViewsSettings(bootstrap_servers="127.0.0.1:1", broker_timeout_s=1)


def record(value: bytes) -> Record:
    return {"key": b"7", "value": value}


def test_an_event_that_fails_is_refused_to_its_own_sender_only(bootstrap_servers: str) -> None:
    settings = settings_of(bootstrap_servers, views_line_limit=1024, broker_timeout_s=30)
    topics_in_use.create(open_admin(settings), settings)

    async def send() -> list[str]:
        outbox = Outbox(settings)
        single = SingleEvents(outbox, settings.views_topic)
        answers = [single.send(record(value)) for value in (b"one", b"x" * 4_000_000, b"three", b"four")]
        answers[2].cancel()  # its client has gone
        await asyncio.sleep(0)
        while outbox.bytes:
            outbox.poll(0.1)
        assert (single.delivery.acknowledged, single.delivery.failed) == (3, 1)
        return [await answers[number] for number in (0, 1, 3)]

    first, second, last = asyncio.run(send())
    assert (first, last) == ("", "")
    assert second.startswith("Kafka has not acknowledged the event: ")
    assert "too large" in second


def test_a_sender_waits_for_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "EVENT_S", 0.2)

    async def take() -> None:
        await Taker(AWAY, lambda: None).take_event(line("late"))

    with pytest.raises(BrokerError, match=r"Kafka has not acknowledged the event for 0\.2 s"):
        asyncio.run(take())


def test_an_event_that_expires_is_refused_with_the_reason() -> None:
    async def take() -> None:
        await Taker(AWAY, lambda: None).take_event(line("expired"))

    with pytest.raises(BrokerError, match=r"Kafka has not acknowledged the event: .*timed out"):
        asyncio.run(take())


@pytest.mark.parametrize("event", [line("stopped"), b"{}"])
def test_a_server_that_stops_answers_its_senders_at_once(event: bytes) -> None:
    settings = ViewsSettings(bootstrap_servers="127.0.0.1:1", broker_timeout_s=60)

    async def take() -> None:
        stopped = Taker(settings, lambda: None)
        answer = asyncio.create_task(stopped.take_event(event))
        await asyncio.sleep(0.05)
        stopped.stop()
        async with asyncio.timeout(5):  # instead of EVENT_S
            await answer

    with pytest.raises(BrokerError, match="the server is stopping, and Kafka has not acknowledged the event"):
        asyncio.run(take())
