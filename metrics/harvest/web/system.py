"""Harvest as a system of the web server."""

from collections.abc import Iterator
from contextlib import contextmanager

from metrics.harvest.settings import HarvestSettings
from metrics.harvest.web.openapi import ANSWERS
from metrics.harvest.web.page import page
from metrics.harvest.web.routes import routes
from metrics.harvest.web.running import Runner
from metrics.harvest.web.stored import Stored
from metrics.web.app import System


@contextmanager
def open_system(settings: HarvestSettings) -> Iterator[System]:
    """Yield harvest over its folders. At the end, a run is stopped, and its report written."""
    runner = Runner(settings)
    stored = Stored(runner.folders)
    runner.begin()
    try:
        yield System(
            routers=[routes(runner, stored)],
            answers=ANSWERS,
            pages=[page(runner, stored, settings.rejected_thresholds)],
            why_not_ready=lambda: None,
            tick=lambda: None,
            stop=runner.close,
        )
    finally:
        runner.close()
        runner.join()
