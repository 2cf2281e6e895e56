"""A bare consume-and-produce loop of confluent-kafka, without transactions: the limit for OUTPUT_STREAM."""

from time import monotonic

from confluent_kafka import Message, Producer

from benchmark.contract import Task, report
from benchmark.peers.consume import BATCH_FRAMES, TIMEOUT_S, open_consumer


def main() -> None:
    """Produce each message unchanged."""
    task = Task.load()
    consumer = open_consumer(task)
    producer = Producer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "linger.ms": 5,
            "batch.size": 1_000_000,
            "delivery.report.only.error": True,
        }
    )
    frames = 0
    first_at_s = 0.0
    while frames < task.frames:
        messages = consumer.consume(BATCH_FRAMES, TIMEOUT_S)
        if not frames and messages:
            first_at_s = monotonic()
        for message in messages:
            if message.error() is None:
                send(producer, task.copy_topic, message)
                frames += 1
        producer.poll(0)
    producer.flush()
    report(frames, first_at_s, monotonic())
    consumer.close()


def send(producer: Producer, topic: str, message: Message) -> None:
    """Produce one message as soon as the queue has room for it."""
    while True:
        try:
            producer.produce(topic, message.value(), message.key(), timestamp=message.timestamp()[1])
        except BufferError:
            producer.poll(0.01)
        else:
            return


if __name__ == "__main__":
    main()
