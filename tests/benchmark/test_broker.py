"""Frames loaded into a broker that is away."""

from itertools import repeat

import pytest

from benchmark import broker
from benchmark.broker import Broker
from metrics.wording.errors import BrokerError


@pytest.mark.parametrize("frames", [repeat(b"a frame"), [b"a frame"]], ids=["more than the client queues", "one"])
@pytest.mark.timeout(60)
def test_loading_gives_up_on_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch, frames: list[bytes]) -> None:
    monkeypatch.setattr(broker, "open_admin", lambda _: None)
    monkeypatch.setattr(broker, "TIMEOUT_S", 1.0)
    away = Broker("127.0.0.1:1", "no broker")
    with pytest.raises(BrokerError, match="did not accept every frame") as caught:
        for _ in away.load("frames", frames):
            pass
    assert caught.value.why == "none was acknowledged for 1 s"
