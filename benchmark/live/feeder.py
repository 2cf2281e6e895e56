"""A process that feeds frames live, `ts` = now: `python -m benchmark.live.feeder ADDRESS TOPIC RATE SECONDS`.

When the first frame of a new second was produced, it prints a line, an `Began` as JSON.
"""

import random
import sys
from time import monotonic, sleep, time

import msgspec
from confluent_kafka import Producer

from benchmark import bodies
from benchmark.live.fed import Began
from benchmark.truth import Recount

SIZE_BYTES = 2_080
USERS = 100_000


def main() -> None:
    """Feed so many frames a second for so many seconds, evenly."""
    address, topic, rate, seconds = sys.argv[1:]
    # Each frame leaves at once: what is measured begins with its produce, and must not be our own waiting.
    producer = Producer({"bootstrap.servers": address, "linger.ms": 0})
    producer.list_topics(topic, timeout=10)
    prepared, draw, recount = bodies.bodies(SIZE_BYTES), random.Random(0), Recount()
    newest = 0
    started_s = monotonic()
    for number in range(round(float(rate) * float(seconds))):
        sleep(max(0.0, started_s + number / float(rate) - monotonic()))
        ts = max(newest, int(time()))
        frame = draw.choice(prepared).frame(ts, draw.randrange(USERS))
        before = recount.truth() if ts > newest else None
        at_s = monotonic()
        producer.produce(topic, frame, partition=0)
        producer.poll(0)
        if before is not None:
            newest = ts
            print(msgspec.json.encode(Began(ts, at_s, before)).decode(), flush=True)
        recount.add(frame)
    producer.flush(10)


if __name__ == "__main__":
    main()
