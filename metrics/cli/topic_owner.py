"""The interface through which the command `topics` asks each system about its own topics."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.topic_changes import Defaults


class TopicOwner(Protocol):
    """A system with topics of its own; a module with these functions is one."""

    def defaults(self) -> Mapping[str, Defaults]:
        """Return the properties that each of its topics is created with.

        Raises:
            SettingsError: settings of the system are invalid.
        """

    def positions(self, offsets: Sequence[TopicPartition]) -> dict[Partition, int]:
        """Return the positions of the group that committed these offsets, if they differ from the offsets."""

    def check_deletion(self, admin: AdminClient, broker: KafkaSettings, names: Collection[str]) -> Sequence[str]:
        """Check that topics may be deleted; return a warning for each loss to the system.

        Raises:
            TopicError: an instance of the system is active on one.
            SettingsError: settings of the system are invalid.
        """
