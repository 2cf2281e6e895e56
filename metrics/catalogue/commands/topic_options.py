"""Options of `catalogue load --collector kafka`. Loads of files import them, too: without the client of Kafka."""

from datetime import tzinfo
from typing import NamedTuple

import msgspec

from metrics.catalogue.core.models import Model
from metrics.catalogue.kafka_job import COLLECTOR
from metrics.kafka.settings import TOPIC_NAME, TopicName
from metrics.wording.errors import SettingsError

SCHEME = "kafka://"


class TopicOptions(NamedTuple):
    """Options of a load of a topic.

    Attributes:
        zone: of times without an offset; None: these are rejected.
    """

    model: Model
    topic: str
    zone: tzinfo | None
    until_end: bool
    take_over: bool
    accept_loss: bool


def topic_of(config: str | None, collector: str | None) -> str | None:
    """Return the topic that a configuration names; None if it names something else.

    Raises:
        SettingsError: it is for another collector, or its name is not allowed.
    """
    is_url = config is not None and config.lower().startswith(SCHEME)
    if collector != COLLECTOR and not is_url:
        return None
    if collector not in (None, COLLECTOR):
        raise SettingsError(f"the collector {collector} does not read {SCHEME}", hint=f"use --collector {COLLECTOR}")
    topic = (config or "")[len(SCHEME) :] if is_url else config or ""
    try:
        return msgspec.convert(topic, TopicName)
    except msgspec.ValidationError:
        raise SettingsError(
            "--config is not the name of a topic",  # not shown, because it may contain a password
            why=f"a name has {TOPIC_NAME}",
            hint=f"--config {SCHEME}TOPIC; BOOTSTRAP_SERVERS names the broker",
        ) from None
