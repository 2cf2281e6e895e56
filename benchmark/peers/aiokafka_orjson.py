"""aiokafka read one by one with `async for`, orjson, and a dict and sets: the first example of its documentation."""

import asyncio
from time import monotonic

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmark.contract import Task, report
from benchmark.peers.plain_windows import SECOND_S, Windows


async def count(task: Task) -> None:
    """Count the frames."""
    consumer = AIOKafkaConsumer(
        task.input_topic,
        bootstrap_servers=task.bootstrap_servers,
        group_id=task.group_id,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.bootstrap_servers)
    windows = Windows()
    frames = 0
    first_at_s = 0.0
    async with consumer, producer:
        async for message in consumer:
            if not frames:
                first_at_s = monotonic()
            frames += 1
            frame = orjson.loads(message.value)
            ts = frame["ts"]
            if ts > windows.newest:
                for closed in windows.advance(ts):
                    topic = task.seconds_topic if closed.size_s == SECOND_S else task.minutes_topic
                    await producer.send(topic, orjson.dumps(closed.record()))
            windows.add(ts, frame["uid"])
            if frames == task.frames:
                break
        await producer.flush()
        report(frames, first_at_s, monotonic())


if __name__ == "__main__":
    asyncio.run(count(Task.load()))
