"""The card of open windows: folded, with a line that sums them up; it unfolds when some are kept open for too long."""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.frames.status import warnings
from metrics.frames.status.facts import Activity, Status
from metrics.frames.status.text import Line, why
from metrics.frames.web.hints import START
from metrics.time.moments import clock
from metrics.web.shell import paragraph
from metrics.wording.text import duration, listed


class Fold:
    """State of a fold: as its user has set it, except that trouble unfolds it until the user folds it again.

    When the trouble ends, it is as the user had set it before.
    """

    def __init__(self) -> None:
        self._is_wanted = self._is_in_trouble = self._is_seen = False

    @property
    def is_open(self) -> bool:
        """Whether it is unfolded."""
        return self._is_wanted or (self._is_in_trouble and not self._is_seen)

    def toggle(self) -> None:
        """Fold or unfold it, on behalf of its user."""
        self._is_wanted = not self.is_open
        self._is_seen = True

    def set_trouble(self, *, is_in_trouble: bool) -> None:
        """Note whether there is trouble; only new trouble unfolds it."""
        if is_in_trouble and not self._is_in_trouble:
            self._is_seen = False
        self._is_in_trouble = is_in_trouble


class OpenWindowsCard:
    """The open windows in a line; unfolded, why they are open."""

    def __init__(self) -> None:
        self._fold = Fold()
        self._lines: list[Line] = []
        self._paragraphs: list[TextElement] = []
        with ui.element("section").classes("card why"):
            with ui.element("h2").classes("fold"):
                self._button = TextElement(tag="button", text="Open windows").classes("more").props("type=button")
            self._button.on("click", self._toggle)
            self._summary = paragraph("quiet")
            self._list = ui.element("div")
        self._button.props(f"aria-controls={self._list.html_id} aria-describedby={self._summary.html_id}")
        self.show(None)

    def show(self, status: Status | None) -> None:
        """Show the windows that are open by this status."""
        is_overdue = status is not None and status.kept_open is not None
        self._summary.set_text(summary(status))
        self._summary.classes(replace="wrong" if is_overdue else "quiet")
        self._lines = [] if status is None else [*why(status)]
        self._fold.set_trouble(is_in_trouble=is_overdue)
        self._show_fold()

    def _toggle(self) -> None:
        self._fold.toggle()
        self._show_fold()

    def _show_fold(self) -> None:
        is_open = self._fold.is_open
        self._button.props(f"aria-expanded={'true' if is_open else 'false'}")
        self._list.set_visibility(is_open)
        if is_open:
            self._show_lines(self._lines or [Line("No window is open.")])

    def _show_lines(self, lines: Iterable[Line]) -> None:
        lines = [*lines]
        with self._list:
            self._paragraphs += [paragraph() for _ in lines[len(self._paragraphs) :]]
        for shown, line in zip(self._paragraphs, chain(lines, repeat(Line(""))), strict=False):
            shown.set_text(_capitalised(line.text))
            shown.classes(replace="question" if line.is_question else "")


def summary(status: Status | None) -> str:
    """Return the open windows in a line; if some are kept open for too long, which ones, and by what."""
    if status is None:
        return "The state of the group is not known yet."
    if status.kept_open is not None:
        for_s = status.asked_at.timestamp - status.kept_open.opened_at.timestamp
        limit_s = status.rules.lateness_s + status.rules.idle_s
        held = _capitalised(warnings.of_kept_open(status.kept_open, for_s))
        return f"{held}. That is longer than LATENESS_S + IDLE_S ({limit_s} s)."
    windows = status.oldest_open()
    if not windows:
        return _none(status)
    if status.instance.activity is not Activity.ACTIVE:
        why = "the job gives no sign of life" if status.instance.activity is Activity.SILENT else "no job is running"
        return f"Nothing advances: {why}. Open: {listed([*_starts(status)])}."
    newest = status.event_time
    oldest = [
        starts
        + (f" (the last {duration(newest.timestamp - window.start.timestamp + 1)} of event time)" if newest else "")
        for starts, window in zip(_starts(status), windows.values(), strict=True)
    ]
    return f"Open: {listed(oldest)}."


def _starts(status: Status) -> Iterator[str]:
    for size, window in status.oldest_open().items():
        yield f"{size.plural} from {clock(window.start.timestamp, status.asked_at.timestamp)}"


def _none(status: Status) -> str:
    if status.instance.activity is Activity.NEVER_RAN:
        return f"None: no job has counted yet. Start it: {START}"
    if not status.is_open_known:
        return "The state, saved by an earlier version, does not say which windows are open."
    return "None: every frame that was read is in a closed window."


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
