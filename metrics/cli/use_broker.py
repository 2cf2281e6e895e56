"""The broker that a command talks to."""

import dataclasses
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from metrics.files.project import project_folder
from metrics.kafka.client_properties import variable_of
from metrics.kafka.clients import unknown_properties
from metrics.kafka.settings import KafkaSettings
from metrics.terminal.console import say
from metrics.wording.errors import SettingsError

log = logging.getLogger(__name__)

S = TypeVar("S", bound=KafkaSettings)

PROJECT = project_folder()


def settings_for_broker(kind: type[S]) -> S:
    """Return the settings of a command that talks to a broker; warns about client properties that do not exist.

    Raises:
        SettingsError: some are invalid.
    """
    settings = kind.load()
    if unknown := unknown_properties(settings):
        variables = ", ".join(map(variable_of, unknown))
        log.warning("these variables have no effect, because the Kafka client has no such properties: %s", variables)
    return settings


def require_plain_text(settings: KafkaSettings) -> None:
    """Check that clients with these settings can connect to the local broker.

    Raises:
        SettingsError: they are set up for a secured cluster, so its address is missing.
    """
    protocol = settings.client_properties.get("security.protocol", "PLAINTEXT")
    if protocol.upper() != "PLAINTEXT":
        raise SettingsError(
            "no broker is set",
            why=f"security.protocol is {protocol}, but BOOTSTRAP_SERVERS is unset, and a local broker is not secured",
            hint="set BOOTSTRAP_SERVERS, or bootstrap.servers in the file of KAFKA_CONFIG",
        )


@contextmanager
def use_broker(kind: type[S], report: Callable[[str], None] = say) -> Iterator[S]:
    """Yield the settings with a broker's address: as set, or of the local broker, which is started if none runs.

    Args:
        kind: the class of the settings.
        report: called with each message of a new local broker.

    Raises:
        SettingsError: some are invalid, or are for a secured cluster without an address.
    """
    settings = settings_for_broker(kind)
    if settings.bootstrap_servers is not None:
        yield settings
        return
    require_plain_text(settings)
    # A command that is given a broker does not wait for this import.
    from metrics.kafka import local_broker  # noqa: PLC0415

    with local_broker.shared(PROJECT / settings.local_broker_dir, report) as address:
        yield dataclasses.replace(settings, bootstrap_servers=address)
