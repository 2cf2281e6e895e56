"""The page of harvest: starts and shows a run, its report, and earlier runs."""

from collections.abc import Callable, Sequence
from pathlib import Path

from nicegui import ui
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from metrics.errors import MetricsError
from metrics.harvest.core.run_report import RunHead
from metrics.harvest.listening.run import Rule
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
from metrics.harvest.web.running import Runner, Snapshot
from metrics.harvest.web.stored import Stored
from metrics.terminal.console import as_started
from metrics.web import problems, shell, writing
from metrics.web.cards import Banner, FigureCard
from metrics.web.glance import Condition, Glance, State
from metrics.web.shell import Page, heading, is_open, paragraph

TITLE = "Harvest"
ABOUT = "Three live streams of viewing events, read in parallel. Times are in Amsterdam time."
LOOK_EVERY_S = 0.2
FOLDER = Path(__file__).parent


def page(runner: Runner, stored: Stored) -> Page:
    """Return the page, at `/harvest`."""
    recent = Recent(stored)

    async def glance() -> Glance:
        runs = await recent.runs()
        is_running = runner.newest.running
        state = State(Condition.GOOD, "A run is reading") if is_running else State(Condition.IDLE, "No run at present")
        if not runs:
            return Glance(state, "-", "no run has ended yet")
        return Glance(state, f"{runs[0].events:,}", f"events in the newest run, of {runs[0].started}")

    return Page(
        "/harvest",
        TITLE,
        lambda: HarvestPage(runner, recent),
        styles=[FOLDER / "page.css"],
        scripts=[],
        glance=glance,
    )


class HarvestPage:
    """The page in one browser. It shows the progress of a run several times a second, and then its report."""

    def __init__(self, runner: Runner, recent: Recent) -> None:
        self._runner = runner
        self._recent = recent
        self._client = ui.context.client
        self._number = -1 if runner.newest.running else runner.newest.number
        self._newest = ""  # of the runs that have ended
        with shell.header(TITLE, ABOUT):
            pass
        with ui.element("div").classes("contents"):
            self._banner = Banner()
            with ui.element("section").classes("card run"):
                self._form = StartForm(runner, on_start=self._follow)
                self._progress = ProgressCard()
            self._report = Report(recent)
        ui.timer(LOOK_EVERY_S, self._look)
        ui.timer(READ_EVERY_S, self._refresh)

    def _follow(self) -> None:
        self._report.follow()

    async def _look(self) -> None:
        """Show the progress of the run, and its report as soon as it has ended."""
        newest = self._runner.newest
        if newest.number == self._number:
            return
        self._number = newest.number
        self._progress.show(newest.seconds, newest.running)
        self._form.show(newest)
        if newest.running is None:
            self._recent.forget()
            await self._refresh()

    async def _refresh(self) -> None:
        """Show the newest runs."""
        wrong: MetricsError | HTTPException | None = self._runner.newest.failure
        try:
            runs = await self._recent.runs()
            if is_open(self._client):
                await self._report.show(runs, is_running=self._runner.newest.running is not None)
                self._notice(runs)
        except (MetricsError, HTTPException) as error:
            wrong = error
        if is_open(self._client):
            self._banner.show("" if wrong is None else problems.in_words(wrong))

    def _notice(self, runs: Sequence[RunHead]) -> None:
        """Clear the reason why a run was not started, once another one has ended: it may have been the reason."""
        newest = runs[0].run if runs else ""
        if newest != self._newest:
            self._newest = newest
            self._form.forgive()


class StartForm:
    """The rule that stops a run, with the buttons to start and stop one.

    During a run the form shows its rule; afterwards, what was entered before.

    Args:
        on_start: called when this form has started a run.
    """

    def __init__(self, runner: Runner, on_start: Callable[[], None]) -> None:
        self._runner = runner
        self._on_start = on_start
        self._client = ui.context.client
        self._may_write = may_write = writing.may_write(self._client.request)
        self._entered: Rule | None = None  # before the run in progress; None without one
        rule = runner.rule(StartBody())
        heading(2, "Run")
        with ui.element("form").on("submit.prevent", self._start):
            self._seconds = ui.number("seconds", value=rule.seconds, min=0.1).props("step=any")
            self._name = ui.input("name", value=rule.name)
            self._times = ui.number("times", value=rule.times, min=1, step=1)
            for field, meaning in (
                (self._seconds, "The run stops after this time"),
                (self._name, "The first name that stops the run, exactly as written"),
                (self._times, "The run stops after this many events of users with that name"),
            ):
                field.props("outlined dense").tooltip(meaning).on_value_change(self.forgive)
            self._button = ui.button("Start", icon="play_arrow", color=None).props("type=submit flat no-caps")
            self._stop = ui.button("Stop", icon="stop", color=None, on_click=runner.stop).props("flat no-caps")
            for button in (self._button, self._stop):
                button.classes("act").set_enabled(may_write)
            self._stop.set_visibility(False)
        paragraph("wrong", "" if may_write else writing.UNTRUSTED)
        self._wrong = paragraph("wrong").props("role=alert")
        paragraph("quiet", figures.source(runner.endpoint))

    def show(self, newest: Snapshot) -> None:
        """Show the rule of the run in progress, if any, and the button that can be used."""
        running = newest.running
        if (running is None) != (self._entered is None):
            self.forgive()
        if running is not None:
            self._entered = self._entered or self._values()
            self._set(Rule(newest.seconds, running.name, running.times))
        elif self._entered is not None:
            self._set(self._entered)
            self._entered = None
        for field in (self._seconds, self._name, self._times):
            field.set_enabled(running is None)
        self._button.set_visibility(running is None)
        self._stop.set_visibility(running is not None)

    def forgive(self) -> None:
        """Clear the reason why a run was not started: something has changed since."""
        self._wrong.set_text("")

    def _values(self) -> Rule:
        return Rule(self._seconds.value, self._name.value, self._times.value)

    def _set(self, rule: Rule) -> None:
        self._seconds.value, self._name.value, self._times.value = rule

    async def _start(self) -> None:
        if not self._may_write:  # a form can be submitted without its button
            return
        self._button.props("loading")
        wrong = ""
        try:
            await self._runner.start(self._runner.rule(self._body()))
            self._on_start()
        except (ValidationError, MetricsError) as error:
            wrong = problems.in_words(error)
        if is_open(self._client):
            self._button.props(remove="loading")
            self._wrong.set_text(wrong)

    def _body(self) -> StartBody:
        """Return the entered rule; empty fields take the server's settings.

        Raises:
            ValidationError: it is not a rule.
        """
        seconds, name, times = self._values()
        return StartBody.model_validate({"seconds": seconds, "name": name or None, "times": times})


class Report:
    """The report of the newest run, until another one is chosen."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._client = ui.context.client
        self._run = ""  # that is shown, or is being read
        self._follows = True
        with ui.element("section").classes("card") as self._empty:
            heading(2, "Report")
            paragraph("quiet", "No runs yet. Start one above, or with this command:")
            paragraph("command", as_started("python app.py harvest"))
        with ui.element("div").classes("report") as self._all:
            with ui.element("section").classes("card choice"):
                heading(2, "Report")
                self._choice = ui.select({}, label="run").props("outlined dense options-dense")
                self._choice.on("update:model-value", self._choose)
                self._about = paragraph("quiet")
            self._banner = Banner()
            with ui.element("div").classes("report") as self._contents:
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

    def follow(self) -> None:
        """Show the newest run from now on."""
        self._follows = True

    async def show(self, runs: Sequence[RunHead], *, is_running: bool) -> None:
        """Show the newest runs as a choice, and a report.

        Args:
            is_running: whether a run is in progress, so there will be a report soon.
        """
        self._empty.set_visibility(not runs and not is_running)
        self._all.set_visibility(bool(runs))
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
            for card, figure in zip(self._figures, figures.figures(digest.report), strict=True):
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
