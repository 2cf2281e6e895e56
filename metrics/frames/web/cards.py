"""The parts of the page. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING

import orjson
from nicegui import ui

from metrics.frames.live.view import KEEP_REJECTED, Outage
from metrics.frames.results.read import Result
from metrics.frames.results.rejected import BEGINNING_BYTES, DeadLetter
from metrics.frames.sizes import Size
from metrics.frames.status.facts import Activity, Status
from metrics.frames.status.text import Line, activity, why
from metrics.frames.web import charts
from metrics.times import Moment, clock
from metrics.web import cards
from metrics.web.shell import heading, paragraph

if TYPE_CHECKING:
    from nicegui.elements.mixins.text_element import TextElement

ICONS = {
    Activity.ACTIVE: "check_circle",
    Activity.STOPPED: "pause_circle",
    Activity.SILENT: "warning",
    Activity.ON_FLINK: "pause_circle",
    Activity.NEVER_RAN: "help",
}
CUT_AT = 100  # characters of a rejected frame
COLUMNS = [
    {"name": name, "label": label, "field": name, "align": "left", "classes": name}
    for name, label in {
        "stamped": "Time (UTC)",
        "reason": "Reason",
        "detail": "Why",
        "from": "From",
        "beginning": "Beginning of the frame",
    }.items()
]
ENTRY = """
<div class="entry">
  <div><b>{{ props.row.reason }}</b> {{ props.row.stamped }} UTC</div>
  <div>{{ props.row.detail }}</div>
  <div class="quiet">{{ props.row.from }}</div>
  <code>{{ props.row.beginning }}</code>
</div>
"""


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


class WhyCard:
    """The open windows, and why they are open, in words."""

    def __init__(self) -> None:
        with ui.element("section").classes("card why"):
            heading(2, "Open windows")
            self._list = ui.element("div")
        self._paragraphs: list[TextElement] = []

    def show(self, status: Status | None) -> None:
        """Show the windows that are open by this status."""
        lines = (
            [Line("the state of the group is not known yet")] if status is None else [*why(status)] or [Line("none")]
        )
        with self._list:
            self._paragraphs += [paragraph() for _ in lines[len(self._paragraphs) :]]
        for shown, line in zip(self._paragraphs, chain(lines, repeat(Line(""))), strict=False):
            shown.set_text(_capitalised(line.text))
            shown.classes(replace="question" if line.is_question else "")


class RejectedCard:
    """The last rejected frames. Their contents are text: Vue inserts them as such."""

    def __init__(self) -> None:
        with ui.element("section").classes("card"):
            heading(2, "Last rejected frames")
            self._number = paragraph("quiet")
            self._table = ui.table(columns=COLUMNS, rows=[], row_key="id").classes("records rejected")
            # one card per frame if there is no room for columns; Quasar watches the window's width
            self._table.props(
                ':grid="Quasar.Screen.lt.md" flat hide-bottom tabindex=0 aria-label="Last rejected frames"'
            )
            self._table.add_slot("body-cell-beginning", '<q-td :props="props"><code>{{ props.value }}</code></q-td>')
            self._table.add_slot("item", ENTRY)
        self._frames: Sequence[DeadLetter] | None = None
        self.show((), 0)

    def show(self, frames: Sequence[DeadLetter], now: int) -> None:
        """Show frames by their Kafka timestamps, the newest first: partitions are not read in order of time.

        Args:
            now: wall time, in seconds since the epoch.
        """
        if frames != self._frames:
            self._frames = frames
            self._number.set_text(how_many(len(frames)))
            self._table.set_visibility(bool(frames))
            newest_first = sorted(frames, key=lambda at: at.stamped_at.timestamp if at.stamped_at else -1, reverse=True)
            self._table.rows = [{"id": number} | _row(frame, now) for number, frame in enumerate(newest_first)]


def _row(frame: DeadLetter, now: int) -> dict[str, str]:
    return {
        "stamped": "-" if frame.stamped_at is None else clock(frame.stamped_at.timestamp, now),
        "reason": frame.reason,
        "detail": frame.detail,
        "from": frame.came_from,
        "beginning": beginning(frame),
    }


def how_many(frames: int) -> str:
    """Return a line about the number of rejected frames shown."""
    return f"Showing the {frames:,} most recent (max. {KEEP_REJECTED})" if frames else "No rejected frames"


def beginning(frame: DeadLetter) -> str:
    """Return the beginning of a rejected frame, with `…` if it is cut."""
    is_cut = len(frame.beginning) > CUT_AT or frame.size_bytes > BEGINNING_BYTES
    return frame.beginning[:CUT_AT] + ("…" if is_cut else "") or "(no bytes)"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(second: int, today: int) -> str:
    return f"{clock(second, today)} UTC"
