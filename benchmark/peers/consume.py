"""A bare consume loop of confluent-kafka that only counts messages: the limit of reading in Python."""

from time import monotonic

from confluent_kafka import Consumer, TopicPartition

from benchmark.contract import Task, report

BATCH_FRAMES = 1000
TIMEOUT_S = 1.0


def open_consumer(task: Task) -> Consumer:
    """Open a consumer of the input topic, from its beginning."""
    consumer = Consumer(
        {
            "bootstrap.servers": task.bootstrap_servers,
            "group.id": task.group_id,
            "enable.auto.commit": False,
            # By default, the fetcher sleeps for a second whenever its queue is full.
            "fetch.queue.backoff.ms": 5,
        }
    )
    consumer.assign([TopicPartition(task.input_topic, 0, 0)])
    return consumer


def main() -> None:
    """Count the messages, decode none."""
    task = Task.load()
    consumer = open_consumer(task)
    frames = 0
    first_at_s = 0.0
    while frames < task.frames:
        messages = consumer.consume(BATCH_FRAMES, TIMEOUT_S)
        if not frames and messages:
            first_at_s = monotonic()
        frames += sum(message.error() is None for message in messages)
    report(frames, first_at_s, monotonic())
    consumer.close()


if __name__ == "__main__":
    main()
