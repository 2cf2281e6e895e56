"""Answers of views to the command `topics`; see metrics.cli.topic_owner."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from time import monotonic, sleep

import msgspec
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.cli.use_database import use_database
from metrics.files.project import project_folder
from metrics.kafka.job.heartbeat import Instance
from metrics.kafka.job.standby import MissedHeartbeats
from metrics.kafka.offsets import Partition
from metrics.kafka.settings import KafkaSettings
from metrics.kafka.topic_changes import Defaults
from metrics.postgres.connect import database_errors
from metrics.views import topics_in_use
from metrics.views.schema import Connection, open_views
from metrics.views.settings import ViewsSettings
from metrics.wording.errors import DatabaseError, LocalServerError, TopicError, UnsuitableError

log = logging.getLogger(__name__)

LOOK_S = 0.2

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
    """Check that no job counts topics in use; return the losses that deleting them causes."""
    settings = ViewsSettings.load()
    own = {variable: name for variable, name in settings.views_topics().items() if name in names}
    return [*_check_not_in_use(settings, own.values()), *_losses(own)] if own else []


def _check_not_in_use(settings: ViewsSettings, own: Collection[str]) -> Iterator[str]:
    try:
        is_active = _is_counting(settings)
    except UnsuitableError:
        return  # without tables, nothing can be counted
    except (DatabaseError, LocalServerError) as error:
        yield f"whether `views count` is active is not known: {error.what}"
        return
    if is_active:
        raise TopicError(
            f"{' and '.join(own)}: in use, nothing was deleted",
            why=f"an instance that counts into the schema {settings.views_schema} is active",
            hint="stop it first (Ctrl-C or SIGTERM)",
        )


def _is_counting(settings: ViewsSettings) -> bool:
    """Return whether an instance counts VIEWS_TOPIC: it commits, or did so a moment ago."""
    if settings.database_url is None:
        from metrics.postgres import local_server  # noqa: PLC0415  # the production image lacks its packages

        if not local_server.is_running(project_folder() / settings.local_database_dir):
            return False  # a job would keep it running
    with use_database(ViewsSettings, log.info) as url, closing(open_views(url, settings)) as connection:
        first, missed = _instances(connection, settings), MissedHeartbeats(monotonic())
        while any(instance.is_active and not instance.is_gone() for instance in first):
            asked_s = monotonic()
            if _instances(connection, settings) != first:
                return True
            if missed.is_gone_after_look(asked_s, monotonic()):
                break
            sleep(LOOK_S)
    return False


def _instances(connection: Connection, settings: ViewsSettings) -> list[Instance]:
    query = "SELECT instance FROM consumed WHERE topic = %s AND instance IS NOT NULL ORDER BY cluster_id, topic_id"
    with database_errors("the database does not answer"):
        return [msgspec.convert(row[0], Instance) for row in connection.execute(query, (settings.views_topic,))]


def _losses(own: Mapping[str, str]) -> Iterator[str]:
    for variable, name in own.items():
        yield f"{name} is this application's {variable}; this {_MEANING[variable]}"
