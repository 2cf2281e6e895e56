"""The original design: kafka-python read one by one, json.loads, a list of frames and pointers into it.

The list has the uid of each frame of the open minute, in order; a pointer marks the beginning of each second. The count
of a closed second is the distance between two pointers. A frame older than the newest, but not too late, is a straggler
of its second. Each closed window is produced separately.

Written from the documentation of kafka-python's KafkaConsumer and KafkaProducer; it recommends crc32c for throughput.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from time import monotonic

from kafka import KafkaConsumer, KafkaProducer

from benchmark.contract import LATENESS_S, Task, report

MINUTE_S = 60
Record = dict[str, int]


class Frames:
    """Frames of the open windows.

    Attributes:
        newest: largest ts so far, in seconds since the epoch; -1 before the first frame.
    """

    def __init__(self) -> None:
        self.newest = -1
        self._uids: list[str] = []
        self._begins: dict[int, int] = {}
        self._stragglers: dict[int, list[str]] = defaultdict(list)
        self._open_second = 0

    def append(self, ts: int, uid: str) -> None:
        """Append a frame of the newest second, or of an earlier one that is still open."""
        if ts == self.newest:
            self._uids.append(uid)
        elif ts >= self._open_second:
            self._stragglers[ts].append(uid)

    def advance(self, ts: int) -> Iterator[Record]:
        """Begin a new second, and yield the records of the windows that it closes."""
        if self.newest < 0:
            self._open_second = ts - LATENESS_S
            self.newest = self._open_second - 1
        for second in range(self.newest + 1, ts + 1):
            self._begins[second] = len(self._uids)
        self.newest = ts
        while self._open_second < ts - LATENESS_S:
            yield self._close_second()
            if self._open_second % MINUTE_S == 0:
                yield self._close_minute()

    def _close_second(self) -> Record:
        second = self._open_second
        self._open_second += 1
        in_order = self._begins[second + 1] - self._begins[second]
        return {"timestamp": second, "num_of_frames": in_order + len(self._stragglers.get(second, ()))}

    def _close_minute(self) -> Record:
        """Count the users of the minute that ends where the open second begins, and drop its frames."""
        end = self._open_second
        users = set(self._uids[: self._begins[end]])
        for second in range(end - MINUTE_S, end):
            users.update(self._stragglers.pop(second, ()))
        dropped = self._begins[end]
        del self._uids[:dropped]
        self._begins = {second: index - dropped for second, index in self._begins.items() if second >= end}
        return {"timestamp": end - MINUTE_S, "unique_users": len(users)}


def main() -> None:
    """Count the frames."""
    task = Task.load()
    consumer = KafkaConsumer(
        task.input_topic,
        bootstrap_servers=task.bootstrap_servers,
        group_id=task.group_id,
        auto_offset_reset="earliest",
    )
    producer = KafkaProducer(bootstrap_servers=task.bootstrap_servers)
    log = Frames()
    frames = 0
    first_at_s = 0.0
    for message in consumer:
        if not frames:
            first_at_s = monotonic()
        frames += 1
        frame = json.loads(message.value)
        ts = frame["ts"]
        if ts > log.newest:
            for record in log.advance(ts):
                topic = task.seconds_topic if "num_of_frames" in record else task.minutes_topic
                producer.send(topic, json.dumps(record).encode())
        log.append(ts, frame["uid"])
        if frames == task.frames:
            break
    producer.flush()
    report(frames, first_at_s, monotonic())
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main()
