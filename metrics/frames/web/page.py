"""The page of frames: results as they are committed, the group's status, and warnings."""

from pathlib import Path
from time import time

from nicegui import ui

from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.sizes import SIZES
from metrics.frames.status import warnings
from metrics.frames.web import figures
from metrics.frames.web.cards import ChartCard, InstanceLine, StatusBanner
from metrics.frames.web.dead_letters import DeadLettersCard
from metrics.frames.web.open_windows import OpenWindowsCard
from metrics.frames.web.partitions import PartitionsCard
from metrics.text import numbered
from metrics.web import shell
from metrics.web.cards import FigureCard
from metrics.web.shell import Page

TITLE = "Frames"
LOOK_EVERY_S = 0.25
FOLDER = Path(__file__).parent


def page(live: LiveView, settings: Settings) -> Page:
    """Return the page, at `/`."""
    return Page(
        "/",
        TITLE,
        lambda: FramesPage(live, settings),
        styles=[FOLDER / "page.css"],
        scripts=[FOLDER / "charts.js", FOLDER / "letters.js"],
    )


class FramesPage:
    """The page in one browser. It shows changes of the live view several times a second."""

    def __init__(self, live: LiveView, settings: Settings) -> None:
        self._live = live
        self._version = -1
        about = f"Topic {settings.input_topic}, group {settings.consumer_group_id}. All times are in UTC."
        with shell.header(TITLE, about):
            self._instance = InstanceLine()
        with ui.element("main"):
            self._banner = StatusBanner()
            with ui.element("section").classes("figures").props('aria-label="Now"'):
                self._newest = [FigureCard() for _ in SIZES]
                self._of_group = [FigureCard() for _ in figures.OF_GROUP]
            with ui.element("div").classes("charts"):
                self._charts = [ChartCard(size) for size in SIZES]
            with ui.element("div").classes("rest"):
                self._open_windows = OpenWindowsCard()
                self._partitions = PartitionsCard()
                self._dead_letters = DeadLettersCard(settings)
        self._look()
        ui.timer(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        """Show the live view, if it has changed."""
        if self._live.version == self._version:
            return
        self._version = self._live.version
        status, rejected = self._live.status, self._live.rejected
        now = int(time()) if status is None else status.asked_at.timestamp
        event_time = status.event_time.timestamp if status and status.event_time else None
        titles: list[str] = []
        for size, card, chart in zip(SIZES, self._newest, self._charts, strict=True):
            results = self._live.newest(size.size_s, size.shown)
            last = results[-1] if results else None
            card.show(figures.newest(size, last, now))
            chart.show(results, event_time, now)
            titles += [numbered(last.window.number, size.unit)] if last else []
        for card, figure in zip(self._of_group, figures.of_group(status), strict=True):
            card.show(figure)
        self._instance.show(status, is_up_to_date=self._live.outage is None)
        losses, warned = (status.losses, [*warnings.warnings(status)]) if status else ([], [])
        self._banner.show(self._live.outage, losses, warned, status.asked_at if status else None)
        self._open_windows.show(status)
        self._partitions.show(status)
        self._dead_letters.show(rejected, now)
        ui.page_title(" · ".join(titles) or TITLE)
