"""Feed frames live, with `ts` = now: `python -m benchmark.live.feeder ADDRESS TOPIC RATE SECONDS`.

After the first frame of each second it prints one line, a `Began` as JSON.
"""

import sys
from collections.abc import Iterator
from itertools import chain
from time import monotonic, sleep, time

import msgspec
from confluent_kafka import Producer

from benchmark.truth import Recount, Truth
from metrics.frames.producer import generator

USERS = 100_000
ALL_AT_ONCE = 1e18  # frames per second of event time: every generated frame has the same ts
GENERATED_TS = b'"ts":%d' % generator.START_TS


class Began(msgspec.Struct, frozen=True):
    """First frame of a second, produced.

    Attributes:
        ts: the second, since the epoch.
        at_s: when produce was called, by `time.monotonic`, which all processes of a machine share.
        truth: the correct results of the frames before it.
    """

    ts: int
    at_s: float
    truth: Truth


def templates(count: int) -> Iterator[bytes]:
    """Return frames in which GENERATED_TS occurs once, as the `ts` of the root."""
    return generator.frames(count=count, rate=ALL_AT_ONCE, users=USERS)


def main() -> None:
    """Feed RATE frames per second for SECONDS seconds, evenly spaced."""
    address, topic, rate, seconds = sys.argv[1:]
    # Each frame is sent at once: the latency that is measured begins with its produce call.
    producer = Producer({"bootstrap.servers": address, "linger.ms": 0})
    producer.list_topics(topic, timeout=10)
    recount, newest = Recount(), 0
    generated = templates(round(float(rate) * float(seconds)))
    first = next(generated)
    started_s = monotonic()
    for number, template in enumerate(chain([first], generated)):
        sleep(max(0.0, started_s + number / float(rate) - monotonic()))
        ts = max(newest, int(time()))
        frame = template.replace(GENERATED_TS, b'"ts":%d' % ts)
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
