"""Frames as a system of the web server."""

from collections.abc import Iterator
from contextlib import contextmanager

from metrics.frames.live.reader import Reader
from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.web import openapi
from metrics.frames.web.page import page
from metrics.frames.web.routes import routes
from metrics.web.app import System
from metrics.web.outages import OutageLog

END_S = 0.3


@contextmanager
def open_system(settings: Settings) -> Iterator[System]:
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
    outages = OutageLog("reconnected: the page is up to date")

    def tick() -> None:
        outage = live.outage  # read once: threads of the view change it
        outages.report(None if outage is None else outage.what)

    return System(
        routers=[routes(live)],
        answers=openapi.ANSWERS,
        pages=[page(live, settings)],
        why_not_ready=live.why_not_ready,
        tick=tick,
        stop=live.end,
    )
