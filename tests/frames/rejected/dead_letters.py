"""Dead letters in the dead letter topic, as an earlier version or earlier settings left them."""

from collections.abc import Iterable

from confluent_kafka import Producer

from tests.kafka.application import TIMEOUT_S, Application


def reject(
    application: Application, frames: Iterable[bytes | None], first: int = 0, timestamp: int = 0, **headers: str
) -> None:
    """Write frames as dead letters of partition 0 of the input, with offsets from `first` on."""
    producer = Producer({"bootstrap.servers": application.bootstrap_servers, "linger.ms": 50})
    for offset, frame in enumerate(frames, first):
        origin = {"reason": "wrong_ts", "detail": "d", "topic": application.topic("frames"), "partition": "0"}
        named = origin | {"offset": str(offset)} | headers
        while len(producer) > 50_000:
            producer.poll(0.1)
        producer.produce(
            application.topic("rejected"),
            frame,
            timestamp=timestamp,
            headers=[(n, v.encode()) for n, v in named.items()],
        )
    assert producer.flush(TIMEOUT_S) == 0
