"""The parts of the page. Each builds itself and is then updated; only changes are sent to the browser."""

import orjson
from nicegui import ui

from metrics.frames.live.view import Outage
from metrics.frames.sizes import Size
from metrics.frames.status import warnings
from metrics.frames.status.facts import Activity, Status
from metrics.frames.web import charts
from metrics.frames.web.hints import START
from metrics.frames.web.picture import Picture
from metrics.time.moments import clock
from metrics.web import cards
from metrics.web.shell import chart, heading, paragraph


class StatusBanner:
    """A banner that says what is wrong with the group, or with the page; hidden if nothing is."""

    def __init__(self) -> None:
        self._banner = cards.Banner()

    def show(self, outage: Outage | None, status: Status | None) -> None:
        """Show the most important of what is wrong.

        That is why the page is not up to date, what a run would need but is gone, that no job is alive, or a warning.
        """
        if outage is not None:
            since = int(outage.since_s)
            asked_s = None if status is None else status.asked_at.timestamp
            shown = "nothing read yet" if asked_s is None else f"last refreshed at {_utc(asked_s, since)}"
            self._banner.show(f"Not up to date: {outage.what}", f"Since {_utc(since, since)}; {shown}. Retrying.")
        elif status is None:
            self._banner.show("")
        elif status.losses:
            more = "A run would refuse to start without it; --accept-loss starts nevertheless."
            self._banner.show("\n".join(status.losses), more)
        elif status.instance.activity is Activity.SILENT:
            what = "The job gives no sign of life: it was killed, hangs, or is cut off from the broker."
            more = f"To continue from its last commit, even if it hangs: {START}"
            self._banner.show(what, more)
        else:
            lines = [*map(_capitalised, warnings.warnings(status))]
            self._banner.show("\n".join(lines), "As of the last commit." if lines else "")


class ChartCard:
    """A chart of the windows of one size, with its numbers, and in words for those who cannot see it."""

    def __init__(self, size: Size) -> None:
        self._shown: Picture | None = None
        with ui.element("section").classes("card"):
            with ui.element("div").classes("above"):
                heading(2, size.title)
                self._when = paragraph("quiet")
            self._caption = paragraph("quiet caption")
            self._words = paragraph("hidden-text")
            place = ui.element("div").props(f'role=img aria-label="{size.title}" tabindex=0')
            place.props('aria-keyshortcuts="Plus - ArrowLeft ArrowRight Escape"')
            with place.props(f"aria-describedby={self._words.html_id}"):
                self._chart = chart(charts.options(size))

    def show(self, picture: Picture, now: int) -> None:
        """Show a picture.

        Args:
            now: wall time, in seconds since the epoch.
        """
        before, self._shown = self._shown, picture
        if picture is not before:
            self._words.set_text(charts.words(picture, now))
            self._caption.set_text(charts.caption(picture))
            self._when.set_text(charts.when(picture, now))
            change = ", ".join(orjson.dumps(part).decode() for part in charts.Change.between(before, picture))
            ui.run_javascript(f"charts.change({self._chart.id}, {change})")


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _utc(second: int, today: int) -> str:
    return f"{clock(second, today)} UTC"
