"""The page of harvest: starts and shows a run, its report, and earlier runs."""

from collections.abc import Sequence
from pathlib import Path

from nicegui import ui
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from metrics.errors import MetricsError
from metrics.harvest.core.run_report import RunHead
from metrics.harvest.web import charts, figures
from metrics.harvest.web.cards import (
    ChartCard,
    ProgressCard,
    ShowsCard,
    StreamsCard,
    UsersCard,
)
from metrics.harvest.web.figures import Digest
from metrics.harvest.web.parameters import StartBody
from metrics.harvest.web.recent import READ_EVERY_S, Recent
from metrics.harvest.web.running import Runner
from metrics.harvest.web.stored import Stored
from metrics.terminal.console import as_started
from metrics.web import problems, shell, writing
from metrics.web.cards import Banner, FigureCard
from metrics.web.shell import Page, heading, is_open, paragraph

TITLE = "Harvest"
ABOUT = "Three live streams of viewing events, read in parallel. Times are in Amsterdam time."
LOOK_EVERY_S = 0.2
FOLDER = Path(__file__).parent


def page(runner: Runner, stored: Stored) -> Page:
    """Return the page, at `/harvest`."""
    recent = Recent(stored)
    return Page("/harvest", TITLE, lambda: HarvestPage(runner, recent), styles=[FOLDER / "page.css"], scripts=[])


class HarvestPage:
    """The page in one browser. It shows the progress of a run several times a second, and then its report."""

    def __init__(self, runner: Runner, recent: Recent) -> None:
        self._runner = runner
        self._recent = recent
        self._client = ui.context.client
        self._number = -1 if runner.newest.running else runner.newest.number
        with shell.header(TITLE, ABOUT):
            pass
        with ui.element("main"):
            self._banner = Banner()
            with ui.element("section").classes("card run"):
                self._form = StartForm(runner)
                self._progress = ProgressCard()
            self._report = Report(recent)
        ui.timer(LOOK_EVERY_S, self._look)
        ui.timer(READ_EVERY_S, self._refresh)

    async def _look(self) -> None:
        """Show the progress of the run, and its report as soon as it has ended."""
        newest = self._runner.newest
        if newest.number == self._number:
            return
        self._number = newest.number
        self._progress.show(newest.seconds, newest.running)
        self._form.show(is_running=newest.running is not None)
        if newest.running is None and newest.progress is not None:
            self._recent.forget()
            await self._refresh(newest.progress.run)

    async def _refresh(self, ended: str = "") -> None:
        """Show the newest runs.

        Args:
            ended: a run that has just ended; its report replaces the one that is shown.
        """
        wrong: MetricsError | HTTPException | None = self._runner.newest.failure
        try:
            runs = await self._recent.runs()
            if is_open(self._client):
                await self._report.show(runs, ended, is_running=self._runner.newest.running is not None)
        except (MetricsError, HTTPException) as error:
            wrong = error
        if is_open(self._client):
            self._banner.show("" if wrong is None else problems.in_words(wrong))


class StartForm:
    """The rule that stops a run, with the buttons to start and stop one."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._client = ui.context.client
        rule = runner.rule(StartBody())
        self._may_write = may_write = writing.may_write(self._client.request)
        heading(2, "Run")
        with ui.element("form").on("submit.prevent", self._start):
            self._seconds = ui.number("seconds", value=rule.seconds, min=0.1).props("step=any")
            self._name = ui.input("name", value=rule.name)
            self._times = ui.number("times", value=rule.times, min=1, step=1)
            for entered, meaning in (
                (self._seconds, "The run stops after this time"),
                (self._name, "The first name that stops the run, exactly as written"),
                (self._times, "The run stops after this many events of users with that name"),
            ):
                entered.props("outlined dense").tooltip(meaning)
            self._button = ui.button("Start", icon="play_arrow", color=None).props("type=submit flat no-caps")
            self._stop = ui.button("Stop", icon="stop", color=None, on_click=runner.stop).props("flat no-caps")
            for button in (self._button, self._stop):
                button.classes("act").set_enabled(may_write)
        self._wrong = paragraph("wrong", "" if may_write else writing.UNTRUSTED)
        self._source = paragraph("quiet", figures.source(runner.endpoint))
        self.show(is_running=False)

    def show(self, *, is_running: bool) -> None:
        """Show the start or the stop button."""
        self._button.set_visibility(not is_running)
        self._stop.set_visibility(is_running)

    async def _start(self) -> None:
        if not self._may_write:  # a form can be submitted without its button
            return
        self._button.props("loading")
        wrong = ""
        try:
            await self._runner.start(self._runner.rule(self._entered()))
        except (ValidationError, MetricsError) as error:
            wrong = problems.in_words(error)
        if is_open(self._client):
            self._button.props(remove="loading")
            self._wrong.set_text(wrong)

    def _entered(self) -> StartBody:
        """Return the entered rule; empty fields take the server's settings.

        Raises:
            ValidationError: it is not a rule.
        """
        entered = {"seconds": self._seconds.value, "name": self._name.value or None, "times": self._times.value}
        return StartBody.model_validate(entered)


class Report:
    """The report of one run, and a selection of others."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._client = ui.context.client
        self._run = ""
        with ui.element("section").classes("card") as self._empty:
            heading(2, "Report")
            paragraph("quiet", "No runs yet. Start one above, or with this command:")
            paragraph("command", as_started("python app.py harvest"))
        with ui.element("div").classes("report") as self._all:
            with ui.element("section").classes("card choice"):
                heading(2, "Report")
                self._choice = ui.select({}, label="run", on_change=self._choose).props("outlined dense options-dense")
                self._about = paragraph("quiet")
            with ui.element("section").classes("figures").props('aria-label="Figures"'):
                self._figures = [FigureCard() for _ in figures.FIGURES]
            self._streams = StreamsCard()
            with ui.element("div").classes("charts"):
                self._kinds = ChartCard("Events by platform and kind")
                self._countries = ChartCard("Users who started streams on several platforms, by country")
            with ui.element("div").classes("tables"):
                self._users = UsersCard(self._digest)
                self._shows = ShowsCard()
        self._empty.set_visibility(False)
        self._all.set_visibility(False)

    async def show(self, runs: Sequence[RunHead], ended: str, *, is_running: bool) -> None:
        """Show the newest runs as a choice, and the report of one that has just ended, or else of the newest.

        Args:
            is_running: whether a run is under way, so that there will be one soon.

        Raises:
            MetricsError, HTTPException: it cannot be read.
        """
        self._empty.set_visibility(not runs and not is_running)
        self._all.set_visibility(bool(runs))
        options = {head.run: figures.choice(head) for head in runs}
        if options != self._choice.options:
            self._choice.set_options(options)
        if ended in options:
            self._choice.set_value(ended)
        elif self._choice.value not in options and runs:
            self._choice.set_value(runs[0].run)
        if self._choice.value != self._run:
            await self._choose()

    async def _choose(self) -> None:
        run = self._choice.value
        if run is None or run == self._run:
            return
        self._run = run
        digest = await self._recent.digest(run)
        if not is_open(self._client) or run != self._run:
            return
        report = digest.report
        self._about.set_text(figures.about(report))
        for card, figure in zip(self._figures, figures.figures(report), strict=True):
            card.show(figure)
        self._streams.show(report.streams)
        self._kinds.show(charts.kinds(digest.kinds))
        self._countries.show(charts.countries(report.reports.platforms_by_country))
        self._shows.show(digest.shows)
        await self._users.show()

    async def _digest(self) -> Digest | None:
        return await self._recent.digest(self._run) if self._run else None
