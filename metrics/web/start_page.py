"""The start page: each system's state in a few words, and its most important number."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.exceptions import HTTPException

from metrics.web import problems, shell
from metrics.web.cards import Pill
from metrics.web.glance import Glance, of_error
from metrics.web.shell import Page, is_open, paragraph
from metrics.wording.errors import MetricsError

TITLE = "Overview"
LOOK_EVERY_S = 1.0
UNKNOWN = "-"
FOLDER = Path(__file__).parent


def page(pages: Sequence[Page]) -> Page:
    """Return the page, at `/`, which leads to others."""
    systems = [(each, each.glance) for each in pages if each.glance is not None]
    return Page("/", TITLE, lambda: StartPage(systems), styles=[FOLDER / "start_page.css"], scripts=[])


class StartPage:
    """The page in one browser."""

    def __init__(self, systems: Sequence[tuple[Page, Callable[[], Awaitable[Glance]]]]) -> None:
        self._client = ui.context.client
        with shell.header(TITLE, "All systems of this server. Times are in UTC."):
            pass
        with ui.element("div").classes("systems"):
            for page, glance in systems:
                # One that answers slowly does not delay the others.
                ui.timer(LOOK_EVERY_S, partial(self._look, glance, GlanceCard(page)))

    async def _look(self, glance: Callable[[], Awaitable[Glance]], card: "GlanceCard") -> None:
        try:
            shown = await glance()
        except (MetricsError, HTTPException) as error:
            shown = Glance(of_error(error), UNKNOWN, problems.in_words(error))
        if is_open(self._client):
            card.show(shown)


class GlanceCard:
    """A card for one system: a link to its page, its state, and a number."""

    def __init__(self, page: Page) -> None:
        with ui.element("section").classes("card system"):
            with ui.element("div").classes("above"):
                with TextElement(tag="h2", text=""):
                    ui.link(page.title, page.path)
                self._state = Pill()
            self._number = paragraph("number", UNKNOWN)
            self._meaning = paragraph("quiet", "")

    def show(self, glance: Glance) -> None:
        """Show a system at a glance."""
        self._state.show(glance.state)
        self._number.set_text(glance.number)
        self._meaning.set_text(glance.meaning)
