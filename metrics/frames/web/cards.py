"""The parts of the page. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Sequence

import orjson
from nicegui import ui

from metrics.frames.live.view import Outage
from metrics.frames.results.read import Result
from metrics.frames.sizes import Size
from metrics.frames.status.facts import Activity, Status
from metrics.frames.status.text import activity
from metrics.frames.web import charts
from metrics.times import Moment, clock
from metrics.web import cards
from metrics.web.shell import heading, paragraph

ICONS = {
    Activity.ACTIVE: "check_circle",
    Activity.STOPPED: "pause_circle",
    Activity.SILENT: "warning",
    Activity.ON_FLINK: "pause_circle",
    Activity.NEVER_RAN: "help",
}


class InstanceLine:
    """The line that says whether an instance is active."""

    def __init__(self) -> None:
        with ui.element("div").classes("instance"):
            self._icon = ui.icon("hourglass_empty").props("aria-hidden=true")
            self._words = paragraph(text="The state of the group is not known yet.")

    def show(self, status: Status | None, *, is_up_to_date: bool) -> None:
        """Show the group's last known status."""
        if status is not None:
            self._icon.set_name(ICONS[status.instance.activity] if is_up_to_date else "help_outline")
            self._words.set_text(_capitalised(f"{'' if is_up_to_date else 'last seen '}{activity(status)}"))


class StatusBanner:
    """A banner that says what is wrong with the group, or with the page; hidden if nothing is."""

    def __init__(self) -> None:
        self._banner = cards.Banner()

    def show(
        self, outage: Outage | None, losses: Sequence[str], warnings: Sequence[str], asked_at: Moment | None
    ) -> None:
        """Show why the page is not up to date, or else what a run would need but is gone, or else the warnings.

        Args:
            asked_at: when the status was last refreshed.
        """
        if outage is not None:
            since = int(outage.since_s)
            shown = "nothing read yet" if asked_at is None else f"last refreshed at {_utc(asked_at.timestamp, since)}"
            self._banner.show(f"Not up to date: {outage.what}", f"Since {_utc(since, since)}; {shown}. Retrying.")
        elif losses:
            more = "A run would refuse to start without it; --accept-loss starts nevertheless."
            self._banner.show("\n".join(losses), more)
        elif warnings:
            self._banner.show("\n".join(map(_capitalised, warnings)), "As of the last commit.")
        else:
            self._banner.show("")


class ChartCard:
    """A chart of the windows of one size, with the newest one in words."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._shown = charts.Picture.of(size, (), None)
        with ui.element("section").classes("card"):
            heading(2, size.title)
            self._words = paragraph("quiet")
            with ui.element("div").props(f'role=img aria-label="{size.title}" aria-describedby={self._words.html_id}'):
                self._chart = ui.echart(charts.options(self._shown), renderer="svg").classes("chart")

    def show(self, results: Sequence[Result], event_time: int | None, now: int) -> None:
        """Show the newest windows.

        Args:
            event_time, now: wall time; both in seconds since the epoch.
        """
        chart_end = now if not results and event_time is None else event_time
        before, self._shown = self._shown, charts.Picture.of(self._size, results, chart_end)
        if self._shown != before:
            self._words.set_text(charts.words(self._shown, now))
            change = ", ".join(orjson.dumps(part).decode() for part in self._shown.change_from(before))
            ui.run_javascript(f"charts.change({self._chart.id}, {change})")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(second: int, today: int) -> str:
    return f"{clock(second, today)} UTC"
