"""The topics and the database of the job, for its commands."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from metrics.postgres.connect import database_errors
from metrics.views.commands.broker import require_if_answering, use_broker_of_views
from metrics.views.commands.database import use_views_database
from metrics.views.schema import open_views
from metrics.views.settings import ViewsSettings
from metrics.views.topics_in_use import Topics, require_same_topic
from metrics.wording.errors import DatabaseError


@contextmanager
def use_topics_of_job(report: Callable[[str], None]) -> Iterator[tuple[ViewsSettings, Topics, str]]:
    """Yield settings and topics as `use_topics_of_service`, and the URL of the database where events are counted.

    No topic is created if the database counts another one.

    Raises:
        StateError: it does.
        TopicError, DatabaseError, LocalServerError: as of `use_topics` and `use_views_database`.
    """
    with use_broker_of_views(report) as (settings, topics), use_views_database(report) as url:
        with suppress(DatabaseError):  # the job retries an outage, and refuses other tables
            require_same_topic(_counted(url, settings), settings)
        require_if_answering(topics)
        yield settings, topics, url


def _counted(url: str, settings: ViewsSettings) -> set[str]:
    with closing(open_views(url, settings)) as connection, database_errors("the counted topics cannot be read"):
        return {str(topic) for (topic,) in connection.execute("SELECT DISTINCT topic FROM consumed")}
