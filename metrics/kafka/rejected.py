"""The rejected topic read back."""

from collections.abc import Iterable

from confluent_kafka import Message

from metrics.frames.state import State
from metrics.recount.rejected import RejectedRecords


def read_rejected(messages: Iterable[Message], input_topic: str, state: State) -> RejectedRecords:
    """Read the records that are about frames of an input topic which the state is past."""
    rejected = RejectedRecords(state.rules.lateness_s)
    for message in messages:
        headers = {header[0]: _text(header[1]) for header in message.headers() or []}
        try:
            partition, offset = int(headers["partition"]), int(headers["offset"])
        except (KeyError, ValueError):
            continue  # none of this program's
        saved = state.partitions.get(partition)
        if headers.get("topic") == input_topic and saved is not None and offset < saved.position:
            rejected.add(partition, offset, headers.get("reason", ""), headers.get("detail", ""))
    return rejected


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
