"""Feeding frames into the input topic, as fast as the broker takes them."""

from collections.abc import Callable, Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from metrics.errors import BrokerError
from metrics.kafka.clients import open_feeding_producer, text_of
from metrics.settings import Settings

FLUSH_TIMEOUT_S = 30.0
PROGRESS_FRAMES = 1000

OnDelivery = Callable[[KafkaError | None, Message], None]


def feed(settings: Settings, frames: Iterable[bytes], partitions: int, on_progress: Callable[[int], None]) -> int:
    """Send frames to the input topic, without a key, over its partitions round robin.

    Whatever ends it, an error or Ctrl-C in the middle of the frames, what was sent by then is with the broker.

    Args:
        on_progress: told how many frames were sent so far, every PROGRESS_FRAMES.

    Returns:
        How many frames were sent. The broker has acknowledged each of them.

    Raises:
        BrokerError: the broker did not take a frame.
    """
    refused: list[str] = []

    def note(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(f"a frame of {len(message.value() or b'')} bytes: {error.str()}")

    sent = 0
    producer = open_feeding_producer(settings)
    try:
        for frame in frames:
            _produce(producer, settings.input_topic, frame, sent % partitions, note)
            sent += 1
            if sent % PROGRESS_FRAMES == 0:
                producer.poll(0)
                on_progress(sent)
            if refused:
                break
    finally:
        waiting = producer.flush(FLUSH_TIMEOUT_S)
    if waiting and not refused:
        refused.append(f"{waiting} frames were not acknowledged within {FLUSH_TIMEOUT_S:.0f} s")
    if refused:
        raise BrokerError(f"the broker did not take every frame for {settings.input_topic}", why="\n".join(refused[:3]))
    on_progress(sent)
    return sent


def _produce(producer: Producer, topic: str, frame: bytes, partition: int, note: OnDelivery) -> None:
    while True:
        try:
            producer.produce(topic, frame, partition=partition, on_delivery=note)
        except BufferError:
            producer.poll(0.1)  # the queue is full: wait until the broker has taken some
        except KafkaException as error:
            raise BrokerError(f"a frame of {len(frame)} bytes cannot be sent", why=text_of(error)) from error
        else:
            return
