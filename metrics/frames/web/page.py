"""The page of frames: results as they are committed, the group's status, and warnings."""

from collections.abc import Mapping
from pathlib import Path
from time import time
from urllib.parse import parse_qsl

from nicegui import ui
from nicegui.events import GenericEventArguments

from metrics.frames.live.view import LiveView
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND, SIZES
from metrics.frames.web import figures
from metrics.frames.web.cards import ChartCard, StatusBanner
from metrics.frames.web.choice import PAGE, RANGE_NAMES, Choice, read_choice, zoom_between
from metrics.frames.web.dead_letters import DeadLettersCard
from metrics.frames.web.empty import EmptyCard
from metrics.frames.web.figures import Shown
from metrics.frames.web.open_windows import OpenWindowsCard
from metrics.frames.web.partitions import PartitionsCard
from metrics.frames.web.pictures import Pictures
from metrics.web import shell
from metrics.web.cards import FigureCard, Pill
from metrics.web.glance import Glance
from metrics.web.links import Link, Links
from metrics.web.shell import Page, heading, paragraph
from metrics.wording.text import numbered

TITLE = "Frames"
LOOK_EVERY_S = 0.25
FOLDER = Path(__file__).parent


def page(live: LiveView, settings: Settings) -> Page:
    """Return the page."""
    pictures = Pictures(live)

    async def glance() -> Glance:
        now = int(time())
        four = [*figures.four(_shown(live, now), settings)]
        state = figures.state(live.status, live.outage, now).but(figures.concerns(four, live.status))
        return Glance(state, four[0].number, f"frames per second, {four[0].meaning}")

    return Page(
        PAGE,
        TITLE,
        lambda: FramesPage(live, settings, pictures),
        styles=[FOLDER / "page.css"],
        scripts=[FOLDER / "charts.js", FOLDER / "letters.js"],
        glance=glance,
    )


def _shown(live: LiveView, now: int) -> Shown:
    seconds, minutes = live.newest(SECOND.size_s, figures.MEAN_S), live.newest(MINUTE.size_s, 2)
    return Shown(live.status, live.lately, seconds, minutes, live.added_at_s, now)


class FramesPage:
    """The page in one browser. It shows changes of the live view several times a second."""

    def __init__(self, live: LiveView, settings: Settings, pictures: Pictures) -> None:
        self._live = live
        self._settings = settings
        self._pictures = pictures
        self._choice = Choice()
        self._version, self._second = -1, 0
        about = f"Topic {settings.input_topic}, group {settings.consumer_group_id}. All times are in UTC."
        with shell.header(TITLE, about):
            self._state = Pill()
        with ui.element("div").classes("of-frames"):
            self._banner = StatusBanner()
            self._empty = EmptyCard()
            with ui.element("section").classes("figures") as now:
                heading(2, "Now", "hidden-text")
                self._figures = [FigureCard() for _ in figures.NAMES]
            with ui.element("div").classes("ranges") as ranges:
                self._times = paragraph("quiet")
                self._whole = Link("end zoom", self._go)
                self._ranges = Links("Range of the charts", RANGE_NAMES, self._go)
            with ui.element("div").classes("charts") as both:
                self._charts = [ChartCard(size) for size in SIZES]
            with ui.element("div").classes("rest"):
                self._open_windows = OpenWindowsCard()
                self._partitions = PartitionsCard()
                self._dead_letters = DeadLettersCard(settings)
        self._of_results = now, ranges, both
        self._choose(dict(ui.context.client.request.query_params))
        ui.on("address", lambda event: self._choose(dict(parse_qsl(f"{event.args}".removeprefix("?")))))
        ui.on("zoom", self._zoom)
        self._look()
        ui.timer(LOOK_EVERY_S, self._look)

    def _choose(self, query: Mapping[str, str]) -> None:
        """Show what an address asks for."""
        self._choice, self._version = read_choice(query, time()), -1
        self._ranges.show(
            {name: Choice(name).address() for name in RANGE_NAMES}, "" if self._choice.zoom else self._choice.range
        )
        self._whole.set_visibility(is_visible=self._choice.zoom is not None)
        self._whole.show(self._choice._replace(zoom=None).address())

    async def _go(self, address: str, *, is_step: bool = False) -> None:
        """Show what an address of this page asks for, and put it into the browser's history.

        Args:
            is_step: whether it takes the place of the one before it there, as one of many steps.
        """
        if is_step:
            ui.navigate.history.replace(address)
        else:
            ui.navigate.history.push(address)
        self._choose(dict(parse_qsl(address.partition("?")[2])))
        self._look()

    async def _zoom(self, event: GenericEventArguments) -> None:
        """Show the part of the charts that was chosen by mouse or by a key; else all of the range."""
        begin_ms, end_ms, *key = event.args or (0, 0)
        zoom = None if event.args is None else zoom_between(begin_ms / 1000, end_ms / 1000)
        if zoom != self._choice.zoom:
            is_step = bool(key) and self._choice.zoom is not None
            await self._go(self._choice._replace(zoom=zoom).address(), is_step=is_step)

    def _look(self) -> None:
        """Show the live view, if it has changed, and how old what is shown is."""
        now = int(time())
        if self._live.version == self._version and now == self._second:
            return
        has_changed = self._live.version != self._version
        self._version, self._second = self._live.version, now
        status, outage = self._live.status, self._live.outage
        shown = _shown(self._live, now)
        four = [*figures.four(shown, self._settings)]
        for card, figure in zip(self._figures, four, strict=True):
            card.show(figure)
        self._state.show(figures.state(status, outage, now).but(figures.concerns(four, status)))
        if not has_changed:
            return
        is_empty = not (shown.seconds or shown.minutes)
        self._empty.show(status, is_empty=is_empty)
        for part in self._of_results:
            part.set_visibility(not is_empty)
        for size, chart in zip(SIZES, self._charts, strict=True):
            chart.show(self._pictures.of(size, self._choice), now)
        self._times.set_text(figures.times(status))
        self._banner.show(outage, status)
        self._open_windows.show(status)
        self._partitions.show(status)
        self._dead_letters.show(self._live.rejected, now)
        newest = zip((SECOND, MINUTE), (shown.seconds, shown.minutes), strict=True)
        titles = [numbered(results[-1].window.number, size.unit) for size, results in newest if results]
        ui.page_title(" · ".join(titles) or TITLE)
