"""The settings that a command was given."""

import logging
from typing import TypeVar

from metrics.kafka.clients import unknown_properties
from metrics.kafka.settings import CLIENT_PREFIX, KafkaSettings

log = logging.getLogger(__name__)

S = TypeVar("S", bound=KafkaSettings)


def settings_for_broker(kind: type[S]) -> S:
    """Return the settings of a command that talks to a broker; warns of client properties that the client lacks.

    Raises:
        SettingsError: some are not allowed.
    """
    settings = kind.load()
    if unknown := unknown_properties(settings):
        variables = ", ".join(CLIENT_PREFIX + name.upper().replace(".", "_") for name in unknown)
        log.warning("the Kafka client has no such properties, so these variables have no effect: %s", variables)
    return settings
