"""Frames as a system of the web server."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from metrics.frames.live.reader import Reader
from metrics.frames.live.view import LiveView, Outage
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.web import openapi
from metrics.frames.web.page import page
from metrics.frames.web.routes import routes
from metrics.web.app import System

END_S = 0.3

log = logging.getLogger(__name__)


@contextmanager
def served(settings: Settings) -> Iterator[System]:
    """Yield frames over a live view that threads keep up to date until the end of the context."""
    keep = {size: settings.keep(size) for size in SIZES}
    live = LiveView(keep)
    reader = Reader(settings, live, keep)
    reader.start()
    try:
        yield system(live, settings)
    finally:
        reader.stop()
        reader.join(END_S)


def system(live: LiveView, settings: Settings) -> System:
    """Return the routes and the page."""
    outages = _Outages()
    return System(
        routers=[routes(live)],
        answers=openapi.ANSWERS,
        pages=[page(live, settings)],
        why_not_ready=live.why_not_ready,
        tick=lambda: outages.report(live.outage),
        stop=live.end,
    )


class _Outages:
    """Log of outages: each is logged once, and once more when all are over."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def report(self, outage: Outage | None) -> None:
        """Log a change."""
        if outage is None and self._said:
            self._said.clear()
            log.info("reconnected: the page is up to date")
        elif outage is not None and outage.what not in self._said:
            self._said.add(outage.what)
            log.warning(outage.what)
