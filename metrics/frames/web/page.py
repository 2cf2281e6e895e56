"""The page: what is counted, as it is committed; how the group stands; what is wrong."""

from pathlib import Path
from time import time

from fastapi import FastAPI, Request, Response
from nicegui import Client, ui

from metrics.frames.live.board import Board
from metrics.frames.live.kinds import KINDS
from metrics.frames.settings import Settings
from metrics.frames.status import warnings
from metrics.frames.web import figures
from metrics.frames.web.cards import (
    Banner,
    ChartCard,
    FigureCard,
    InstanceLine,
    RejectedCard,
    WhyCard,
    heading,
    paragraph,
)
from metrics.text import numbered
from metrics.web import problems

TITLE = "Frames, live"
LOOK_EVERY_S = 0.25
MOST_PAGES = 100  # each takes about 0.5 MB, for a minute also where no browser connects
FOLDER = Path(__file__).parent
THEME = "theme"  # the cookie that remembers which one was chosen
THEMES = {"as the system": None, "dark": True, "light": False}


def add_to(app: FastAPI, board: Board, settings: Settings) -> None:
    """Add the page at `/`, and what it loads; whatever else is asked for has to be there before."""

    @ui.page("/", title=TITLE, dark=None)
    def page(request: Request) -> Response | None:
        if len(Client.instances) > MOST_PAGES:
            return problems.answer(503, "too many pages are open, or were asked for in the last minute")
        View(board, settings, request.cookies.get(THEME, ""))
        return None

    ui.run_with(
        app,
        title=TITLE,
        language="en-GB",
        tailwind=False,
        binding_refresh_interval=None,
        show_welcome_message=False,
    )


class View:
    """The page in one browser; several times a second, it shows what has changed on the board.

    Args:
        theme: one of THEMES; any other is the first one.
    """

    def __init__(self, board: Board, settings: Settings, theme: str) -> None:
        self._board = board
        self._version = -1
        ui.add_css(FOLDER / "page.css")
        ui.add_body_html(f"<script>{(FOLDER / 'charts.js').read_text()}</script>")
        with ui.element("header").classes("top"):
            with ui.element("div"):
                heading(1, TITLE)
                paragraph(
                    "quiet", f"Topic {settings.input_topic}, group {settings.consumer_group_id}. All times are in UTC."
                )
            self._instance = InstanceLine()
            _add_theme_button(theme)
        with ui.element("main"):
            self._banner = Banner()
            with ui.element("section").classes("figures").props('aria-label="Now"'):
                self._newest = [FigureCard() for _ in KINDS]
                self._standing = [FigureCard() for _ in figures.NAMES]
            with ui.element("div").classes("charts"):
                self._charts = [ChartCard(kind) for kind in KINDS]
            with ui.element("div").classes("rest"):
                self._why = WhyCard()
                self._rejected = RejectedCard()
        self._look()
        ui.timer(LOOK_EVERY_S, self._look)

    def _look(self) -> None:
        """Show what has changed, if anything has."""
        if self._board.version == self._version:
            return
        self._version = self._board.version
        status, rejected = self._board.status, self._board.rejected
        now = int(time()) if status is None else status.asked_at.timestamp
        event_time = status.event_time.timestamp if status and status.event_time else None
        titles: list[str] = []
        for kind, card, chart in zip(KINDS, self._newest, self._charts, strict=True):
            results = self._board.newest(kind.size_s, kind.shown)
            last = results[-1] if results else None
            card.show(figures.newest(kind, last, now))
            chart.show(results, event_time, now)
            titles += [numbered(last.window.number, kind.unit)] if last else []
        for card, figure in zip(self._standing, figures.standing(status), strict=True):
            card.show(figure)
        self._instance.show(status, is_up_to_date=self._board.trouble is None)
        losses, warned = (status.losses, [*warnings.warnings(status)]) if status else ([], [])
        self._banner.show(self._board.trouble, losses, warned, status.asked_at if status else None)
        self._why.show(status)
        self._rejected.show(rejected, now)
        ui.page_title(" · ".join(titles) or TITLE)


def _add_theme_button(chosen: str) -> None:
    """Add what switches between light and dark; a cookie remembers it."""
    names = list(THEMES)
    at = names.index(chosen) if chosen in THEMES else 0
    dark = ui.dark_mode(THEMES[names[at]])
    button = ui.button(f"Theme: {names[at]}", icon="contrast", color=None).classes("theme").props("flat no-caps")

    def switch() -> None:
        nonlocal at
        at = (at + 1) % len(names)
        dark.value = THEMES[names[at]]
        button.set_text(f"Theme: {names[at]}")
        ui.run_javascript(f"document.cookie = '{THEME}={names[at]}; path=/; max-age=31536000; SameSite=Strict'")

    button.on_click(switch)
