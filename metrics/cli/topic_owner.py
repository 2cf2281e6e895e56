"""What a system says about its own topics: `topics` knows no system, and asks them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings


class TopicOwner(Protocol):
    """A system with topics of its own; a module with these functions is one."""

    def defaults(self) -> Mapping[str, Mapping[str, str]]:
        """Return the settings that each of its topics is created with.

        Raises:
            SettingsError: settings of the system are not allowed.
        """

    def positions(self, offsets: Sequence[TopicPartition]) -> dict[Partition, int]:
        """Return where the group goes on that has committed these offsets; nothing where it goes on at them."""

    def check_deletion(self, admin: AdminClient, broker: KafkaSettings, names: Collection[str]) -> Sequence[str]:
        """See that topics may be deleted; return what is lost with those of the system, a warning each.

        Raises:
            TopicError: an instance of the system is active on one.
            SettingsError: settings of the system are not allowed.
        """
