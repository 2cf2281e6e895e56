"""Answers of views to the command `topics`; see metrics.cli.topic_owner."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.topic_changes import Defaults
from metrics.views import topics_in_use
from metrics.views.settings import ViewsSettings

_MEANING = {
    "VIEWS_TOPIC": "deletes its events; what is counted stays in the database, and the next `views count` refuses to "
    "count a recreated topic without --accept-loss",
    "VIEWS_REJECTED_TOPIC": "deletes the view events rejected so far",
}


def defaults() -> Mapping[str, Defaults]:
    """Return the properties that `views` creates each topic with."""
    return topics_in_use.defaults(ViewsSettings.load())


def positions(offsets: Sequence[TopicPartition]) -> dict[Partition, int]:  # noqa: ARG001
    """Return no positions: the job commits offsets to the database, and none for a group."""
    return {}


def check_deletion(admin: AdminClient, broker: KafkaSettings, names: Collection[str]) -> Sequence[str]:  # noqa: ARG001
    """Return the losses that deleting topics in use causes."""
    return [*_losses(ViewsSettings.load().views_topics(), names)]


def _losses(own: Mapping[str, str], names: Collection[str]) -> Iterator[str]:
    for variable, name in own.items():
        if name in names:
            yield f"{name} is this application's {variable}; this {_MEANING[variable]}"
