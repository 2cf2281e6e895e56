"""The page of harvest: starts and shows a run, its report, and earlier runs."""

from collections.abc import Callable
from pathlib import Path

from nicegui import ui
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from metrics.harvest.archive.runs import Listing, name_key
from metrics.harvest.listening.run import Rule
from metrics.harvest.web import figures
from metrics.harvest.web.cards import ProgressCard
from metrics.harvest.web.parameters import StartBody
from metrics.harvest.web.recent import READ_EVERY_S, Recent
from metrics.harvest.web.report import Report
from metrics.harvest.web.running import Runner, Snapshot
from metrics.harvest.web.stored import Stored
from metrics.web import problems, shell, writing
from metrics.web.cards import Banner, Pill
from metrics.web.glance import Glance, State, Thresholds, of_error
from metrics.web.shell import Page, heading, is_open, paragraph
from metrics.wording.errors import MetricsError

TITLE = "Harvest"
ABOUT = "Three live streams of viewing events, read in parallel. Times are in Amsterdam time."
LOOK_EVERY_S = 0.2
FOLDER = Path(__file__).parent


def page(runner: Runner, stored: Stored, thresholds: Thresholds) -> Page:
    """Return the page, at `/harvest`.

    Args:
        thresholds: of the share of malformed frames, in percent.
    """
    recent = Recent(stored)

    async def glance() -> Glance:
        runs = await recent.runs()
        state = _state(runner.newest, runs, thresholds)
        if runs.damage is not None:
            return Glance(state, "-", "the newest report cannot be read")
        if not runs.heads:
            return Glance(state, "-", "no run has ended yet")
        newest = runs.heads[0]
        started = newest.started_at[:19].replace("T", " ")
        return Glance(state, f"{newest.events:,}", f"events in the newest run, of {started} UTC")

    return Page(
        "/harvest",
        TITLE,
        lambda: HarvestPage(runner, recent, thresholds),
        styles=[FOLDER / "page.css"],
        scripts=[],
        glance=glance,
    )


def _state(newest: Snapshot, runs: Listing, thresholds: Thresholds) -> State:
    return figures.state(newest.running, failure(newest, runs), runs, thresholds)


def failure(newest: Snapshot, runs: Listing) -> MetricsError | None:
    """Return why the last run of this server has no report, unless another run has one that is newer."""
    is_past = newest.progress is not None and name_key(runs.newest) > name_key(newest.progress.run)
    return None if is_past else newest.failure


class HarvestPage:
    """The page in one browser. It shows the progress of a run several times a second, and then its report."""

    def __init__(self, runner: Runner, recent: Recent, thresholds: Thresholds) -> None:
        self._runner = runner
        self._recent = recent
        self._client = ui.context.client
        self._thresholds = thresholds
        self._runs = Listing([], {})
        self._number = -1 if runner.newest.running else runner.newest.number
        self._newest = ""  # of the runs that have ended
        with shell.header(TITLE, ABOUT):
            self._state = Pill()
        with ui.element("div").classes("contents"):
            self._banner = Banner()
            with ui.element("section").classes("card run"):
                self._form = StartForm(runner, on_start=self._follow)
                self._progress = ProgressCard(thresholds)
            self._report = Report(recent, thresholds)
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
        self._state.show(_state(newest, self._runs, self._thresholds))
        if newest.running is None:
            self._recent.forget()
            await self._refresh()

    async def _refresh(self) -> None:
        """Show the newest runs."""
        wrong: MetricsError | HTTPException | None = None
        try:
            runs = await self._recent.runs()
            wrong = failure(self._runner.newest, runs) or runs.damage
            if is_open(self._client):
                self._runs = runs
                self._state.show(_state(self._runner.newest, runs, self._thresholds))
                await self._report.show(runs, is_running=self._runner.newest.running is not None)
                self._notice(runs)
        except (MetricsError, HTTPException) as error:
            wrong = error
            if is_open(self._client) and self._runner.newest.running is None:
                self._state.show(of_error(error))
        if is_open(self._client):
            self._banner.show("" if wrong is None else problems.in_words(wrong))

    def _notice(self, runs: Listing) -> None:
        """Clear the reason why a run was not started, once another one has ended: it may have been the reason."""
        if runs.newest != self._newest:
            self._newest = runs.newest
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
