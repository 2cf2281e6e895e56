"""The input of a main job without BOOTSTRAP_SERVERS: a local broker with topics and frames."""

import dataclasses
import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from metrics.cli.use_broker import PROJECT
from metrics.cli.written_lines import write_lines
from metrics.frames.commands.frame_files import DATA, DEFAULT_NAME, default_file, frame_lines
from metrics.frames.commands.generate import FRAMES, RATE, USERS, require_generated_shape
from metrics.frames.commands.prepare_topics import create_topics, feed_file, is_empty
from metrics.frames.core.shape import Shape
from metrics.frames.producer import generator
from metrics.frames.settings import Settings
from metrics.kafka import local_broker
from metrics.kafka.job.runner import RequireBroker
from metrics.terminal.console import say

log = logging.getLogger(__name__)


@contextmanager
def fed_local_broker(settings: Settings) -> Iterator[tuple[Settings, RequireBroker]]:
    """Run a local broker, create its topics, and feed it once; yields the settings for it, and a check that it runs."""
    folder = PROJECT / settings.local_broker_dir
    with local_broker.running(folder, say) as address, local_broker.report_end(folder):
        settings = dataclasses.replace(settings, bootstrap_servers=address)
        if default_file() is None and settings.shape() == Shape():
            frames = generator.frames(count=FRAMES, rate=RATE, users=USERS)
            write_lines(DATA / DEFAULT_NAME, frames, FRAMES, "frame")
        partitions = create_topics(settings, partitions=None, replication_factor=1)
        if is_empty(settings, partitions):
            if default_file() is None:
                require_generated_shape(settings)
            feed_file(settings, frame_lines(), partitions, log.warning)
        yield settings, functools.partial(local_broker.require_alive, folder)
