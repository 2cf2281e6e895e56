"""What a topic takes, by its configuration: how large a record, and how far its timestamp from the broker's clock."""

from collections.abc import Mapping
from typing import NamedTuple

ANY_TIME = str(2**63 - 1)
# Brokers before Kafka 3.6 do not know it. They take what lies ahead, unless message.timestamp.difference.max.ms is set.
AHEAD = "message.timestamp.after.max.ms"


class Limits(NamedTuple):
    """Limits of a topic: the broker refuses any record beyond them, at every retry.

    Attributes:
        partitions: how many partitions it has.
        size_bytes: largest record.
        behind_ms: how far behind the broker's clock a record's timestamp may be.
        ahead_ms: how far ahead of it.
    """

    partitions: int
    size_bytes: int
    behind_ms: int
    ahead_ms: int


def limits_of(partitions: int, config: Mapping[str, str]) -> Limits:
    """Read a topic's limits; where the broker does not show one, it is Kafka's default, an hour ahead at the least."""
    return Limits(
        partitions,
        int(config.get("max.message.bytes", 1_048_588)),
        _timestamp_limit_ms(config, "message.timestamp.before.max.ms", ANY_TIME),
        _timestamp_limit_ms(config, AHEAD, "3600000"),
    )


def _timestamp_limit_ms(config: Mapping[str, str], name: str, default: str) -> int:
    """Read how far timestamps may be from the broker's clock in one direction.

    Before Kafka 4 there is a limit for both directions, too; before 3.6 there is only that. It holds where the other
    one has no limit.
    """
    both = config.get("message.timestamp.difference.max.ms")
    own = config.get(name, default if both is None else ANY_TIME)
    return int(own if both is None or own != ANY_TIME else both)


def keeps_timestamps_ahead(config: Mapping[str, str]) -> bool:
    """Tell whether a topic's records keep the timestamps they were sent with, however far ahead."""
    takes_any_time = _timestamp_limit_ms(config, AHEAD, "3600000") == int(ANY_TIME)
    return takes_any_time and config.get("message.timestamp.type") == "CreateTime"
