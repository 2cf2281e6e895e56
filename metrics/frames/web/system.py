"""Frames as a system of the web server."""

from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.web import openapi
from metrics.frames.web.page import page
from metrics.frames.web.routes import routes
from metrics.web.app import System

TITLE = "Frames per second and unique users per minute"
ABOUT = "Committed results of the main job, as they are published. Times are in UTC."


def system(live: LiveView, settings: Settings) -> System:
    """Return the routes and the page."""
    return System([routes(live)], openapi.ANSWERS, [page(live, settings)], live.why_not_ready, live.end)
