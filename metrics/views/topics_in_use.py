"""Topics that views uses: how they are created, and checks that none of them would lose or refuse events."""

import logging
from collections.abc import Callable, Collection, Mapping

from confluent_kafka.admin import AdminClient, NewTopic

from metrics.kafka.clients import open_admin
from metrics.kafka.topic_changes import BROKERS_DEFAULT, Defaults, create_missing
from metrics.kafka.topic_limits import AHEAD, ANY_TIME, limits_of, refuse_compaction
from metrics.kafka.topics import configuration, require_listed
from metrics.views.settings import ViewsOnlySettings, ViewsSettings
from metrics.wording.errors import StateError, TopicError

log = logging.getLogger(__name__)

KAFKAS_DEFAULT_BYTES = 1_048_588
# Brokers apply the limit for a record to a batch, with its header, and the record's key, headers and lengths.
AROUND_BYTES = 1_024
# Headers add the reasons: a sentence for each field, and one for the line.
REASONS_BYTES = 16_384
_FOREVER = "-1"
_COMPACTED = "it keeps only the last event of each user"  # the key is a user's id

_EXPIRING = {
    "VIEWS_TOPIC": "events that are deleted before they are counted are lost, and `views verify` cannot recount others",
    "VIEWS_REJECTED_TOPIC": "rejected events are deleted, and no longer in the number of all rejected ones",
}


def defaults(settings: ViewsOnlySettings) -> dict[str, Defaults]:
    """Return the properties that each topic in use is created with.

    Nothing expires: `verify` counts all events again, and the dead letter topic counts the rejected ones.
    """
    return {
        settings.views_topic: Defaults(_keeping(event_bytes(settings)), settings.views_partitions),
        settings.views_rejected_topic: Defaults(_keeping(rejected_bytes(settings))),
    }


def _keeping(size_bytes: int) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": _FOREVER,
        "retention.bytes": _FOREVER,
        "max.message.bytes": str(max(KAFKAS_DEFAULT_BYTES, size_bytes)),
        AHEAD: ANY_TIME,
    }


def event_bytes(settings: ViewsOnlySettings) -> int:
    """Return the size of the largest record of VIEWS_TOPIC."""
    return settings.views_line_limit + AROUND_BYTES


def rejected_bytes(settings: ViewsOnlySettings) -> int:
    """Return the size of the largest record of VIEWS_REJECTED_TOPIC."""
    return settings.views_line_limit + REASONS_BYTES + AROUND_BYTES


def create(admin: AdminClient, settings: ViewsOnlySettings) -> None:
    """Create the topics in use that are missing: all of them, or none if the broker refuses one.

    Raises:
        TopicError: the broker refuses to create one.
        BrokerError: the broker never lists one that was created.
    """
    wanted = [
        NewTopic(name, default.partitions, BROKERS_DEFAULT, config={**default.config})
        for name, default in defaults(settings).items()
    ]
    create_missing(admin, wanted)


def check(admin: AdminClient, settings: ViewsSettings, warn: Callable[[str], None]) -> None:
    """Check that all topics in use exist, keep every event, and accept the longest one.

    Args:
        warn: called with a line about each topic whose records expire; what was counted stays counted.

    Raises:
        TopicError: a topic is missing, is compacted, or is too small for VIEWS_LINE_LIMIT.
        BrokerError: the broker does not answer.
    """
    existing = _require(admin, settings)
    largest = {settings.views_topic: event_bytes(settings), settings.views_rejected_topic: rejected_bytes(settings)}
    for variable, name in settings.views_topics().items():
        config = configuration(admin, name)
        refuse_compaction(variable, name, config, "view events", _COMPACTED)
        _check_size(name, largest[name], limits_of(existing[name], config).size_bytes, settings.views_line_limit)
        if expiring := _expiring(config):
            warn(f"the topic {name} has {expiring}: {_EXPIRING[variable]}")


def require_same_topic(counted: Collection[str], settings: ViewsOnlySettings) -> None:
    """Check that the tables have no events of another topic.

    Args:
        counted: the topics whose events they have.

    Raises:
        StateError: they do.
    """
    for other in sorted({*counted} - {settings.views_topic}):
        raise StateError(
            f"the schema {settings.views_schema} has the events of another topic",
            why=f"VIEWS_TOPIC={settings.views_topic}, but the tables count {other}",
            hint="count each topic into a schema of its own: VIEWS_SCHEMA=…",
        )


class Topics:
    """The topics in use: checked once, before they are first used; on the broker of this machine, they are created."""

    def __init__(self, settings: ViewsSettings, *, are_created: bool) -> None:
        self._settings = settings
        self._are_created = are_created
        self._are_checked = False

    def require(self) -> None:
        """Check the topics, unless they have been checked.

        Raises:
            TopicError: a topic is missing or unsuitable.
            BrokerError: the broker does not answer.
        """
        if self._are_checked:
            return
        admin = open_admin(self._settings)
        if self._are_created:
            create(admin, self._settings)
        check(admin, self._settings, log.warning)
        self._are_checked = True


def _require(admin: AdminClient, settings: ViewsSettings) -> dict[str, int]:
    """Return the number of partitions of each topic."""

    def create(missing: Collection[str]) -> str:
        return f"python app.py topics create {' '.join(missing)}"

    return require_listed(admin, settings.bootstrap_servers, settings.views_topics(), create)


def _check_size(name: str, needed: int, accepted: int, line_limit: int) -> None:
    if accepted < needed:
        raise TopicError(
            f"the topic {name} cannot store the longest view event",
            why=f"it has max.message.bytes={accepted}, and VIEWS_LINE_LIMIT={line_limit} needs {needed}",
            hint=f"raise its max.message.bytes, or lower VIEWS_LINE_LIMIT:\n"
            f"kafka-configs.sh --alter --topic {name} --add-config max.message.bytes={needed}",
        )


def _expiring(config: Mapping[str, str]) -> str:
    limits = [f"{key}={config[key]}" for key in ("retention.ms", "retention.bytes") if int(config.get(key, -1)) >= 0]
    return " and ".join(limits)
