"""Limits of a topic, from its configuration: the size of a record, the range of its timestamp, and compaction."""

from collections.abc import Mapping
from typing import NamedTuple

from metrics.wording.errors import TopicError

ANY_TIME = str(2**63 - 1)
# Unknown to brokers before Kafka 3.6, which accept any time ahead unless message.timestamp.difference.max.ms is set.
AHEAD = "message.timestamp.after.max.ms"


class Limits(NamedTuple):
    """Limits of a topic: the broker refuses any record beyond them, however often it is retried.

    Attributes:
        partitions: the number of partitions.
        size_bytes: the largest record.
        behind_ms: how far behind the broker's clock a record's timestamp may be.
        ahead_ms: how far ahead of it.
    """

    partitions: int
    size_bytes: int
    behind_ms: int
    ahead_ms: int

    def timestamps_ms(self, now_ms: int) -> tuple[int, int]:
        """Return the first and last timestamp that the topic accepts, with half of its limits, since clocks differ.

        To the client, 0 means now; so the first millisecond of 1970 becomes the second.
        """
        return max(1, now_ms - self.behind_ms // 2), now_ms + self.ahead_ms // 2

    def nearest_ms(self, timestamp_ms: int, now_ms: int) -> int:
        """Return the nearest timestamp that the topic accepts; for a record without one (below 0), the current time."""
        earliest_ms, latest_ms = self.timestamps_ms(now_ms)
        return now_ms if timestamp_ms < 0 else max(earliest_ms, min(timestamp_ms, latest_ms))


def limits_of(partitions: int, config: Mapping[str, str]) -> Limits:
    """Read a topic's limits; if the broker hides one, Kafka's default, which is at least an hour ahead."""
    return Limits(
        partitions,
        int(config.get("max.message.bytes", 1_048_588)),
        _timestamp_limit_ms(config, "message.timestamp.before.max.ms", ANY_TIME),
        _timestamp_limit_ms(config, AHEAD, "3600000"),
    )


def _timestamp_limit_ms(config: Mapping[str, str], name: str, default: str) -> int:
    """Read how far timestamps may be from the broker's clock in one direction.

    Before Kafka 4 there is also one limit for both directions; before 3.6 only that. It applies if the other is
    unlimited.
    """
    both = config.get("message.timestamp.difference.max.ms")
    own = config.get(name, default if both is None else ANY_TIME)
    return int(own if both is None or own != ANY_TIME else both)


def keeps_timestamps_ahead(config: Mapping[str, str]) -> bool:
    """Return whether a topic keeps the timestamps that records were sent with, however far ahead."""
    takes_any_time = _timestamp_limit_ms(config, AHEAD, "3600000") == int(ANY_TIME)
    return takes_any_time and config.get("message.timestamp.type") == "CreateTime"


def refuse_compaction(variable: str, name: str, config: Mapping[str, str], things: str, why: str) -> None:
    """Check that a topic that must store each record is not compacted.

    Args:
        variable: the setting that names it.
        things: its records.
        why: what the topic would do to them.

    Raises:
        TopicError: it is compacted.
    """
    policy = config.get("cleanup.policy", "")
    if "compact" in policy:
        raise TopicError(
            f"the topic {name} ({variable}) cannot store {things}",
            why=f"it has cleanup.policy={policy}: {why}",
            hint=f"set its cleanup.policy to delete, or set {variable} to another topic:\n"
            f"kafka-configs.sh --alter --topic {name} --add-config cleanup.policy=delete",
        )
