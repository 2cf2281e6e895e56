"""The topics of views, for its commands."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metrics.cli.use_broker import use_broker
from metrics.terminal.console import note
from metrics.views.settings import ViewsSettings
from metrics.views.topics_in_use import Topics
from metrics.wording.errors import UnavailableError

log = logging.getLogger(__name__)


@contextmanager
def use_topics(report: Callable[[str], None] = note) -> Iterator[ViewsSettings]:
    """Yield the settings with the address of a broker whose topics are suitable; on this machine, they are created.

    Args:
        report: called with each message of a new local broker.

    Raises:
        TopicError: a topic is missing on the broker of BOOTSTRAP_SERVERS, or unsuitable.
        BrokerError: the broker does not answer.
    """
    with use_broker_of_views(report) as (settings, topics):
        topics.require()
        yield settings


@contextmanager
def use_existing_topics(report: Callable[[str], None] = note) -> Iterator[ViewsSettings]:
    """Yield the settings as `use_topics`, for a command that reads: no topic is created.

    Raises:
        TopicError: a topic is missing, or unsuitable.
        BrokerError: the broker does not answer.
    """
    with use_broker(ViewsSettings, report) as settings:
        Topics(settings, are_created=False).require()
        yield settings


@contextmanager
def use_topics_of_service(report: Callable[[str], None]) -> Iterator[tuple[ViewsSettings, Topics]]:
    """Yield the settings as `use_topics`, and the topics; they are not checked yet if the broker does not answer.

    Raises:
        TopicError: as of `use_topics`.
    """
    with use_broker_of_views(report) as (settings, topics):
        require_if_answering(topics)
        yield settings, topics


@contextmanager
def use_broker_of_views(report: Callable[[str], None]) -> Iterator[tuple[ViewsSettings, Topics]]:
    """Yield the settings as `use_topics`, and the topics, which are neither created nor checked yet."""
    are_created = ViewsSettings.load().bootstrap_servers is None
    with use_broker(ViewsSettings, report) as settings:
        yield settings, Topics(settings, are_created=are_created)


def require_if_answering(topics: Topics) -> None:
    """Check the topics, unless the broker does not answer.

    Raises:
        TopicError: as of `use_topics`.
    """
    try:
        topics.require()
    except UnavailableError as error:
        log.warning("the topics are not checked yet: %s", error)
