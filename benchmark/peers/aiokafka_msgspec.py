"""aiokafka read in batches with `getmany`, msgspec into a struct of two fields, a dict and sets; no transactions.

Written as aiokafka's documentation shows for batches, and msgspec's for decoding only the needed fields.
"""

import asyncio
from time import monotonic

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmark.contract import Task, report
from benchmark.peers.plain_windows import SECOND_S, Windows

TIMEOUT_MS = 1000


class Frame(msgspec.Struct, gc=False):
    """Needed fields of a frame; msgspec skips the others."""

    ts: int
    uid: str


async def count(task: Task) -> None:
    """Count the frames."""
    consumer = AIOKafkaConsumer(
        task.input_topic,
        bootstrap_servers=task.bootstrap_servers,
        group_id=task.group_id,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,  # larger batches: by default, 1 MB
    )
    producer = AIOKafkaProducer(bootstrap_servers=task.bootstrap_servers)
    decode = msgspec.json.Decoder(Frame).decode
    windows = Windows()
    frames = 0
    first_at_s = 0.0
    async with consumer, producer:
        while frames < task.frames:
            batches = await consumer.getmany(timeout_ms=TIMEOUT_MS)
            if not frames and batches:
                first_at_s = monotonic()
            for messages in batches.values():
                for message in messages:
                    frame = decode(message.value)
                    if frame.ts > windows.newest:
                        for closed in windows.advance(frame.ts):
                            topic = task.seconds_topic if closed.size_s == SECOND_S else task.minutes_topic
                            await producer.send(topic, msgspec.json.encode(closed.record()))
                    windows.add(frame.ts, frame.uid)
                frames += len(messages)
        await producer.flush()
        report(frames, first_at_s, monotonic())


if __name__ == "__main__":
    asyncio.run(count(Task.load()))
