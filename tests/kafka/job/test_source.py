"""The input of a job, on a real broker."""

from contextlib import closing

import pytest

from metrics.frames.settings import Settings
from metrics.kafka.clients import open_consumer
from metrics.kafka.job.source import Input
from tests.kafka.application import Application, frame, wait_until

T = 1468244340

pytestmark = pytest.mark.broker


def test_only_a_partition_of_which_something_has_come_is_paused(application: Application) -> None:
    """Right after it was assigned, the client may lose a pause, or the partition."""
    application.create_topics(2)
    application.send([frame(T, "a"), frame(T + 1, "b")])
    with closing(open_consumer(Settings.load(application.environment()))) as consumer:
        source = Input(consumer, application.topic("frames"), {0: 0, 1: 0})
        source.pause({0, 1})
        assert source.paused == set()

        def has_read_both() -> bool:
            for message in source.batch():
                source.pass_by(message.partition(), message.offset() + 1)
            return source.reached == {0: 2, 1: 0}

        wait_until(has_read_both, "both frames are read")
        source.pause({0, 1})
        assert source.paused == {0}
        source.pause(set())
        application.send([frame(T + 2, "c")])
        wait_until(lambda: [message.offset() for message in source.batch()] == [2], "it is read on")
