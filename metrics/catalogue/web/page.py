"""The page of the catalogue: loads, questions with their answers, and rejected records."""

from collections.abc import Awaitable
from pathlib import Path

from fastapi.exceptions import RequestValidationError
from nicegui import ui
from starlette.exceptions import HTTPException

from metrics.catalogue.query.shipped import ShippedQuery, shipped_queries
from metrics.catalogue.web import figures
from metrics.catalogue.web.answering import Answered
from metrics.catalogue.web.cards import LoadsCard, RejectedCard, Values, details
from metrics.catalogue.web.recent import READ_EVERY_S, Recent
from metrics.time.zones import UTC
from metrics.web import problems, shell
from metrics.web.cards import Banner, Pill
from metrics.web.glance import Glance, Thresholds, of_error
from metrics.web.shell import Page, heading, is_open, paragraph
from metrics.wording.errors import MetricsError

TITLE = "Catalogue"
ABOUT = "Movies, sessions, users, authors, books and reviews. All times are in UTC."
FOLDER = Path(__file__).parent


def page(recent: Recent, thresholds: Thresholds) -> Page:
    """Return the page, at `/catalogue`.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """

    async def glance() -> Glance:
        return figures.glance(await recent.newest(), thresholds)

    return Page(
        "/catalogue",
        TITLE,
        lambda: CataloguePage(recent, thresholds),
        styles=[FOLDER / "page.css"],
        scripts=[FOLDER / "visibility.js"],
        glance=glance,
    )


class CataloguePage:
    """The page in one browser. While it is visible, it shows new loads every few seconds."""

    def __init__(self, recent: Recent, thresholds: Thresholds) -> None:
        self._recent = recent
        self._thresholds = thresholds
        self._client = ui.context.client
        self._changes: str | None = None
        with shell.header(TITLE, ABOUT):
            self._state = Pill()
        with ui.element("div").classes("contents"):
            self._banner = Banner()
            self._loads = LoadsCard(thresholds)
            with ui.element("section").classes("questions").props('aria-label="Questions"'):
                self._questions = [QuestionCard(query, recent) for query in shipped_queries().values()]
            self._rejected = RejectedCard()
        self._timer = ui.timer(READ_EVERY_S, self._refresh)
        ui.on("visibility", lambda event: self._watch(is_visible=bool(event.args)))

    def _watch(self, *, is_visible: bool) -> None:
        self._timer.active = is_visible

    async def _refresh(self) -> None:
        """Show the newest loads and rejected records; after another load, also the answers."""
        try:
            newest = await self._recent.newest()
        except (MetricsError, HTTPException) as error:
            if is_open(self._client):
                self._banner.show(problems.in_words(error))
                self._state.show(of_error(error))
            return
        if not is_open(self._client):
            return
        self._banner.show("")
        self._state.show(figures.state(newest.by_model, self._thresholds))
        self._loads.show(newest.loads)
        self._rejected.show(newest.rejected)
        if newest.changes != self._changes:
            self._changes = newest.changes
            for question in self._questions:
                await question.answer_by_default(newest.changes)


class QuestionCard:
    """A question, with inputs for its parameters, and its answer."""

    def __init__(self, query: ShippedQuery, recent: Recent) -> None:
        self._query = query
        self._recent = recent
        self._client = ui.context.client
        with ui.element("section").classes("card question"):
            heading(2, query.title)
            paragraph("quiet", query.question)
            with ui.element("form").on("submit.prevent", self._ask):
                self._inputs = {each.name: _input(each.name, each.default, each.meaning) for each in query.parameters}
                self._zone = _input("time zone", UTC, "of times without an offset") if query.parameters else None
                self._button = ui.button("Ask", color=None).props("type=submit flat no-caps").classes("act")
            self._values = Values()
            details("How it counts, and its SQL", query.notes, query.sql)

    async def answer_by_default(self, changes: str) -> None:
        """Show the answer with the defaults, unless other values are entered."""
        if self._entered() == self._query.values({}, 0) and self._time_zone() == UTC:
            await self._show(self._recent.answer(self._query, changes))

    async def _ask(self) -> None:
        """Show the answer with the values entered."""
        self._button.disable()
        await self._show(self._recent.ask(self._query, self._entered(), self._time_zone()))
        self._button.enable()

    async def _show(self, coming: Awaitable[Answered]) -> None:
        try:
            shown = figures.figures(await coming)
        except (MetricsError, HTTPException, RequestValidationError) as error:
            if is_open(self._client):
                self._values.refuse(problems.in_words(error))
        else:
            if is_open(self._client):
                self._values.show(shown)

    def _entered(self) -> dict[str, str]:
        return {name: str(entered.value) for name, entered in self._inputs.items()}

    def _time_zone(self) -> str:
        return UTC if self._zone is None else str(self._zone.value)


def _input(label: str, value: str, meaning: str) -> ui.input:
    return ui.input(label, value=value).props("outlined dense").tooltip(meaning)
