"""Quix Streams: two tumbling windows on one StreamingDataFrame, as in its pages on windowing and aggregations.

Frames per second are its `Count`; unique users a custom `Collector`, which according to that page performs
significantly better than reducing. Guarantee, changelog topics and commit interval are its defaults. Its windows are
per message key, and messages without one are skipped: the benchmark gives all frames the same key.
"""

from collections.abc import Iterable
from time import monotonic
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count
from quixstreams.dataframe.windows.aggregations import Collector

from benchmark.contract import LATENESS_S, Task, report

SECOND_MS, MINUTE_MS = 1_000, 60_000
LATENESS_MS = 1_000 * LATENESS_S


class UniqueUsers(Collector):
    """Number of different values of a column in a window."""

    def result(self, items: Iterable[Any]) -> int:
        """Count the collected values."""
        return len(set(items))


def event_time_ms(value: Any, _headers: object, _timestamp: float, _timestamp_type: object) -> int:
    """Return a frame's own time."""
    return int(value["ts"]) * 1_000


def main() -> None:
    """Count the frames."""
    task = Task.load()
    counted = 0
    first_at_s = 0.0

    def processed(_topic: str, _partition: int, _offset: int) -> None:
        nonlocal counted, first_at_s
        if not counted:
            first_at_s = monotonic()
        counted += 1
        if counted == task.frames:
            application.stop()

    application = Application(
        broker_address=task.bootstrap_servers,
        consumer_group=task.group_id,
        auto_offset_reset="earliest",
        state_dir=task.folder,
        loglevel="WARNING",
        on_message_processed=processed,
        # By default, librdkafka's fetcher sleeps for a second whenever its queue is full.
        consumer_extra_config={"fetch.queue.backoff.ms": 5},
    )
    frames = application.topic(task.input_topic, value_deserializer="json", timestamp_extractor=event_time_ms)
    seconds = application.topic(task.seconds_topic, value_serializer="json")
    minutes = application.topic(task.minutes_topic, value_serializer="json")

    # Branches copy their input, so only the needed column is passed on.
    users = application.dataframe(frames)[["uid"]]
    (
        users.tumbling_window(SECOND_MS, grace_ms=LATENESS_MS)
        .agg(value=Count())
        .final()
        .apply(lambda window: {"timestamp": window["start"] // 1_000, "num_of_frames": window["value"]})
        .to_topic(seconds)
    )
    (
        users.tumbling_window(MINUTE_MS, grace_ms=LATENESS_MS)
        .agg(value=UniqueUsers("uid"))
        .final()
        .apply(lambda window: {"timestamp": window["start"] // 1_000, "unique_users": window["value"]})
        .to_topic(minutes)
    )
    application.run()
    report(counted, first_at_s, monotonic())


if __name__ == "__main__":
    main()
