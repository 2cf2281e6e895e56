"""Reading of the dead letter topic for `verify`."""

from collections.abc import Iterable

from confluent_kafka import Message

from metrics.frames.core.state import State
from metrics.frames.results.rejected import headers_text
from metrics.frames.verify.rejected import RejectedRecords


def read_rejected(messages: Iterable[Message], input_topic: str, state: State) -> RejectedRecords:
    """Read the records of frames of an input topic before the state's positions."""
    rejected = RejectedRecords(state.rules.lateness_s)
    for message in messages:
        headers = headers_text(message)
        try:
            partition, offset = int(headers["partition"]), int(headers["offset"])
        except (KeyError, ValueError):
            continue  # not written by this program
        saved = state.partitions.get(partition)
        if headers.get("topic") == input_topic and saved is not None and offset < saved.position:
            times = (_seconds(headers.get(name, "")) for name in ("ts", "event_time"))
            rejected.add(partition, offset, headers.get("reason", ""), *times)
    return rejected


def _seconds(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() else None
