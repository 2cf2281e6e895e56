"""A real Prometheus scrapes views, which takes and counts: the dashboard and the alerts ask for what is there."""

from itertools import count
from pathlib import Path

from tests.deploy.prometheus import (
    Unanswered,
    assert_alerts_have_data,
    assert_names_are_as_prometheus_wants,
    prometheus,
)
from tests.frames.monitoring.scraping import Exposed
from tests.kafka.application import Application, wait_until
from tests.views.commands.test_views import Views, event


def test_every_expression_of_the_dashboard_of_views_and_of_its_alerts_is_answered_with_data(
    application: Application, database_url: str, tmp_path: Path
) -> None:
    exposed, views = Exposed(application), Views(application, database_url)
    views.prepare()
    numbers = count()

    def is_answered() -> bool:
        number = next(numbers)
        views.post(event(number), event(number), event(number + 1_000_000), b"{")
        return unanswered.is_empty()

    with views.running(), prometheus(tmp_path, "views", exposed.port) as there:
        unanswered = Unanswered(there, "views")
        wait_until(is_answered, "all is answered")
        assert_alerts_have_data(there, "views")
        assert_names_are_as_prometheus_wants(exposed.get("/metrics").text)
