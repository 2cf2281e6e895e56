"""The topics of views, for its commands."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metrics.cli.use_broker import use_broker
from metrics.kafka.clients import open_admin
from metrics.terminal.console import note
from metrics.views import topics_in_use
from metrics.views.settings import ViewsSettings

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
    is_local = ViewsSettings.load().bootstrap_servers is None
    with use_broker(ViewsSettings, report) as settings:
        admin = open_admin(settings)
        if is_local:
            topics_in_use.create(admin, settings)
        topics_in_use.check(admin, settings, log.warning)
        yield settings
