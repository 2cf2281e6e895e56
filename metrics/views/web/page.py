"""The page of views: what was watched most, an item's trend, viewers and similar items, and how counting goes."""

from collections.abc import Mapping
from pathlib import Path
from time import monotonic, time
from urllib.parse import parse_qsl

from nicegui import ui
from starlette.exceptions import HTTPException

from metrics.time.zones import UTC, zone_of
from metrics.views.web import counting, figures
from metrics.views.web.cards import ChartCard, RowTable, TableCard, TopCard
from metrics.views.web.choice import PAGE, Choice, media_of, read_choice
from metrics.views.web.recent import Counting, Overview, Recent, Selected
from metrics.web import problems, shell
from metrics.web.cards import Banner, FigureCard, Pill, concerns
from metrics.web.glance import Glance
from metrics.web.settings import WebSettings
from metrics.web.shell import Page, heading, is_open
from metrics.wording.errors import MetricsError, SettingsError

TITLE = "Views"
ABOUT = "View events, each counted once. Times of counting are in UTC."
LOOK_EVERY_S = 0.25
LATE_S = 5.0  # after which the page says that there is no answer
REASONS = {"id": "Reason", "lines": "Lines"}
VIEWERS = {"id": "User", "view_time": "View time"}
SIMILAR = {"id": "Item", "score": "Score", "common": "In common"}
FOLDER = Path(__file__).parent


def page(recent: Recent, settings: WebSettings) -> Page:
    """Return the page, at `/views`."""

    async def glance() -> Glance:
        newest, now = await recent.counting(), int(time())
        state = counting.state(newest.status, now).but(concerns(counting.figures(newest, now, settings)))
        return Glance(state, f"{newest.status.counted:,}", "view events counted, each once")

    return Page(
        PAGE,
        TITLE,
        lambda: ViewsPage(recent, settings),
        styles=[FOLDER / "page.css"],
        scripts=[FOLDER / "trends.js"],
        glance=glance,
    )


class ViewsPage:
    """The page in one browser. While it is visible, it shows new values within two seconds."""

    def __init__(self, recent: Recent, settings: WebSettings) -> None:
        self._recent = recent
        self._settings = settings
        self._client = ui.context.client
        self._choice = Choice()
        self._overview: Overview | None = None
        self._counting: Counting | None = None
        self._selected: Selected | None = None
        self._answered_s = self._counted_s = monotonic()
        with shell.header(TITLE, ABOUT):
            self._job = Pill()
        with ui.element("div").classes("contents"):
            self._banner = Banner()
            self._counting_banner = Banner()
            self._address_banner = Banner()
            with ui.element("section").classes("figures") as self._of_counting:
                heading(2, "Counting", "hidden-text")
                self._figures = [FigureCard() for _ in counting.FIGURES]
                for card, figure in zip(self._figures, counting.figures(None, 0, settings), strict=True):
                    card.show(figure)
            with ui.element("div").classes("parts") as self._parts:
                self._top = TopCard(self._go, self._find)
                with ui.element("div").classes("reasons-card"):
                    self._rejected = TableCard(
                        "Rejected", lambda: RowTable(REASONS, "reasons", "Rejected by reason").bar("lines")
                    )
                with ui.element("div").classes("chosen-media") as self._of_choice:
                    self._trend = ChartCard(self._go, self._set_zone)
                    with ui.element("div").classes("tables") as self._tables:
                        self._viewers = TableCard(
                            "Top viewers", lambda: RowTable(VIEWERS, "viewers", "Top viewers").bar("view_time")
                        )
                        self._similar = TableCard(
                            "Similar items",
                            lambda: RowTable(SIMILAR, "similar", "Similar items").link("id", self._go).bar("score"),
                        )
        self._choose(dict(self._client.request.query_params))
        ui.on("address", lambda event: self._choose(dict(parse_qsl(f"{event.args}".removeprefix("?")))))
        ui.on("visibility", lambda event: self._watch(is_visible=bool(event.args)))
        # A broker that is away, and slow answers about similar items, do not delay the others.
        looks = (self._look, self._look_at_counting, self._look_for_similar, self._notice_late_answers)
        self._timers = [ui.timer(LOOK_EVERY_S, look) for look in looks]

    def _watch(self, *, is_visible: bool) -> None:
        self._answered_s = self._counted_s = monotonic()
        for timer in self._timers:
            timer.active = is_visible

    def _choose(self, query: Mapping[str, str]) -> None:
        """Show what an address asks for."""
        self._choice, wrong = read_choice(query, time())
        self._address_banner.show("\n".join(wrong), "This part of the address is ignored." if wrong else "")
        ui.page_title(TITLE if self._choice.media is None else f"{figures.title(self._choice)} · {TITLE}")
        self._top.show_choice(self._choice)
        self._trend.show_choice(self._choice)
        self._of_choice.classes("stale")
        if self._overview is not None:
            self._top.show(figures.top(self._overview.top[self._choice.order], self._choice))

    async def _go(self, address: str) -> None:
        """Show what an address of this page asks for, and put it into the browser's history."""
        before = self._choice
        ui.navigate.history.push(address)
        self._choose(dict(parse_qsl(address.partition("?")[2])))
        await self._look()
        if self._choice.media != before.media and is_open(self._client):
            ui.run_javascript(f"trends.reveal({self._of_choice.id})")

    async def _find(self, text: str) -> str:
        """Select an item by its MediaId; return what is wrong with that."""
        try:
            await self._go(self._choice.change(media=media_of(text), to=None).address())
        except SettingsError as error:
            return error.what
        return ""

    async def _set_zone(self, text: str) -> str:
        """Show the trend in another time zone; return what is wrong with that."""
        try:
            zone = zone_of(text.strip() or UTC).key
        except SettingsError as error:
            return problems.in_one_line(error)
        if zone != self._choice.zone:
            await self._go(self._choice.change(zone=zone).address())
        return ""

    async def _look(self) -> None:
        """Show what has changed."""
        choice, wrong = self._choice, ""
        try:
            self._show_overview(await self._recent.overview())
            selected = await self._recent.selected(choice, self._overview and self._overview.version)
            if choice is self._choice:
                self._show_selected(selected)
        except (MetricsError, HTTPException) as error:
            wrong = problems.in_words(error)
        self._answered_s = monotonic()
        if is_open(self._client) and choice is self._choice:
            self._banner.show(wrong, "Retrying." if wrong else "")

    def _notice_late_answers(self) -> None:
        """Say that the database does not answer, before the server gives up, and that figures of counting are old."""
        late_s = monotonic() - self._answered_s
        if late_s >= LATE_S:
            self._banner.show(f"The database has not answered for {late_s:.0f} s.", "What is shown may be old.")
        old_s = monotonic() - self._counted_s
        if old_s >= LATE_S:
            now = int(time())
            self._job.show(counting.unknown_since(now - int(old_s), now))
            self._of_counting.classes("stale")

    def _show_overview(self, overview: Overview) -> None:
        if overview is self._overview or not is_open(self._client):
            return
        self._overview = overview
        self._top.show(figures.top(overview.top[self._choice.order], self._choice))

    def _show_selected(self, selected: Selected) -> None:
        if selected is self._selected or not is_open(self._client):
            return
        self._selected = selected
        self._trend.show(figures.trending(selected, self._choice, int(time())))
        self._viewers.show(figures.viewers(selected))
        self._of_choice.classes(remove="stale")

    async def _look_at_counting(self) -> None:
        """Show how taking and counting go, if that has changed."""
        try:
            newest = await self._recent.counting()
        except (MetricsError, HTTPException):
            return  # `_look` shows why
        self._counted_s = monotonic()
        if newest is self._counting or not is_open(self._client):
            return
        self._counting, now = newest, int(time())
        shown = [*counting.figures(newest, now, self._settings)]
        for card, figure in zip(self._figures, shown, strict=True):
            card.show(figure)
        self._job.show(counting.state(newest.status, now).but(concerns(shown)))
        self._of_counting.classes(remove="stale")
        self._counting_banner.show(*counting.warning(newest.status))
        self._rejected.show(counting.reasons(newest.status, now))

    async def _look_for_similar(self) -> None:
        """Show the items that are similar to the selected one."""
        choice, similar = self._choice, None
        if choice.media is not None:
            try:
                similar = await self._recent.similar(choice.media, self._overview and self._overview.version)
            except (MetricsError, HTTPException):
                return  # `_look` shows why
        if is_open(self._client) and choice is self._choice:
            self._similar.show(figures.similar(similar, choice))
