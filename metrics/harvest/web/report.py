"""The report of a run on the page: its choice, figures, charts and tables."""

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement
from starlette.exceptions import HTTPException

from metrics.harvest.archive.runs import Listing
from metrics.harvest.web import charts, figures
from metrics.harvest.web.cards import ChartCard, ShowsCard, StreamsCard, UsersCard
from metrics.harvest.web.digest import Digest
from metrics.harvest.web.recent import Recent
from metrics.terminal.console import as_started
from metrics.web import problems
from metrics.web.cards import Banner, FigureCard
from metrics.web.glance import Thresholds
from metrics.web.shell import heading, is_open, paragraph
from metrics.wording.errors import MetricsError


class Report:
    """The report of the newest run, until another one is chosen.

    Args:
        thresholds: of the share of malformed frames, in percent.
    """

    def __init__(self, recent: Recent, thresholds: Thresholds) -> None:
        self._recent = recent
        self._thresholds = thresholds
        self._client = ui.context.client
        self._run = ""  # that is shown, or is being read
        self._follows = True
        with ui.element("section").classes("card") as self._empty:
            heading(2, "Report")
            paragraph("quiet", "No runs yet. Start one above, or with this command:")
            paragraph("command", as_started("python app.py harvest"))
        with ui.element("div").classes("report") as self._all:
            with ui.element("section").classes("card choice"):
                self._title = TextElement(tag="h2", text="")
                self._choice = ui.select({}, label="run").props("outlined dense options-dense")
                self._choice.on("update:model-value", self._choose)
                self._about = paragraph("quiet")
            self._banner = Banner()
            with ui.element("div").classes("report") as self._contents:
                with ui.element("section").classes("figures").props('aria-label="Figures"'):
                    self._figures = [FigureCard() for _ in figures.FIGURES]
                self._streams = StreamsCard(thresholds)
                with ui.element("div").classes("charts"):
                    self._kinds = ChartCard("Events by platform and kind")
                    self._countries = ChartCard("Users who started streams on several platforms, by country")
                with ui.element("div").classes("tables"):
                    self._users = UsersCard(self._digest)
                    self._shows = ShowsCard()
        self._empty.set_visibility(False)
        self._all.set_visibility(False)

    def follow(self) -> None:
        """Show the newest run from now on."""
        self._follows = True

    async def show(self, listing: Listing, *, is_running: bool) -> None:
        """Show the newest runs as a choice, and a report.

        Args:
            is_running: whether a run is in progress, so there will be a report soon.
        """
        runs = listing.heads
        self._empty.set_visibility(not listing.newest and not is_running)
        self._all.set_visibility(bool(runs))
        is_earlier = is_running or listing.damage is not None
        self._title.set_text("Report of an earlier run" if is_earlier else "Report")
        options = {head.run: figures.choice(head) for head in runs}
        self._follows = self._follows or self._choice.value not in options
        if options != self._choice.options:
            self._choice.set_options(options)
        if runs and self._follows:
            self._choice.set_value(runs[0].run)
        await self._read()

    async def _choose(self) -> None:
        """Show the report that was chosen; choosing the newest run is to follow again."""
        self._follows = self._choice.value == next(iter(self._choice.options), None)
        await self._read()

    async def _read(self) -> None:
        """Show the report of the run in the choice, unless it is shown."""
        run = self._choice.value
        if run is None or run == self._run:
            return
        self._run = run
        digest = await self._digest()
        if digest is not None:
            self._about.set_text(figures.about(digest.report))
            for card, figure in zip(self._figures, figures.figures(digest.report, self._thresholds), strict=True):
                card.show(figure)
            self._streams.show(digest.report.streams)
            self._kinds.show(charts.kinds(digest.kinds))
            self._countries.show(charts.countries(digest.report.reports.platforms_by_country))
            self._shows.show(digest.shows)
            self._users.show(digest)

    async def _digest(self) -> Digest | None:
        """Return the digest of the run in the choice.

        Returns:
            None if it cannot be read, which the page then says, and tries again; or if it is not needed any more.
        """
        run = self._run
        if not run:
            return None
        digest, wrong = None, ""
        try:
            digest = await self._recent.digest(run)
        except (MetricsError, HTTPException) as error:
            wrong = problems.in_words(error)
        if not is_open(self._client) or run != self._run:
            return None
        self._banner.show(wrong)
        self._contents.set_visibility(not wrong)
        if wrong:
            self._about.set_text("")
            self._run = ""
        return digest
