"""The parts of the page. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Sequence

import orjson
from nicegui import ui

from metrics.frames.live.view import Outage
from metrics.frames.sizes import Size
from metrics.frames.web import charts
from metrics.frames.web.picture import Picture
from metrics.times import Moment, clock
from metrics.web import cards
from metrics.web.shell import heading, paragraph


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
    """A chart of the windows of one size, with its numbers, and in words for those who cannot see it."""

    def __init__(self, size: Size) -> None:
        self._shown: Picture | None = None
        with ui.element("section").classes("card"):
            with ui.element("div").classes("above"):
                heading(2, size.title)
                self._when = paragraph("quiet")
            self._caption = paragraph("quiet caption")
            self._words = paragraph("hidden-text")
            with ui.element("div").props(f'role=img aria-label="{size.title}" aria-describedby={self._words.html_id}'):
                self._chart = ui.echart(charts.options(size), renderer="svg").classes("chart")

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
