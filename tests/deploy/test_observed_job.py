"""A real Prometheus scrapes the main job: the dashboard and the alerts ask for what is there."""

import signal
import time
from pathlib import Path

from tests.deploy.prometheus import (
    Unanswered,
    assert_alerts_have_data,
    assert_names_are_as_prometheus_wants,
    prometheus,
)
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import LIVE, Application, finish, frame, wait_until


def test_every_expression_of_dashboard_and_alerts_is_answered_with_data(
    application: Application, tmp_path: Path
) -> None:
    exposed = Exposed(application)
    application.variables |= {"LATENESS_S": "0"}
    application.create_topics(2)
    application.send([frame(int(time.time()) - 120, "a")])  # its minute is closed soon

    def is_answered() -> bool:
        now = int(time.time())
        for partition in (0, 1):
            application.send([frame(now, "a"), frame(now - 1, "b"), b"{"], partition)
        return unanswered.is_empty()

    process = application.start()
    with prometheus(tmp_path, "frames", exposed.port) as there:
        unanswered = Unanswered(there, "frames")
        wait_until(is_answered, "all is answered")
        assert_alerts_have_data(there, "frames")
    process.send_signal(signal.SIGINT)
    finish(process)


def test_the_names_of_the_metrics_are_as_prometheus_wants_them(application: Application) -> None:
    exposed = Exposed(application)
    application.create_topics()
    process = application.start()
    wait_until(exposed.is_ready, "it is ready")
    application.send([frame(1468244340 + after, "a") for after in (0, 70)], timestamp=LIVE)
    wait_until(lambda: exposed.total("frames_consumed_total") == 2, "the frames are read")
    wait_until(lambda: exposed.total("frames_unique_users") == 1, "the minute is closed")
    assert_names_are_as_prometheus_wants(exposed.get("/metrics").text)
    process.send_signal(signal.SIGINT)
    finish(process)
