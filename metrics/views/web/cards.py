"""The parts of the page. Each is built once and then updated; only changes are sent to the browser."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.views.web import charts, figures
from metrics.views.web.charts import Picture
from metrics.views.web.choice import PAGE, Choice
from metrics.web.cards import Figure, Note
from metrics.web.links import Go, Link, Links
from metrics.web.shell import chart, heading, paragraph

Enter = Callable[[str], Awaitable[str]]
"""A callback that takes what was entered, and returns what is wrong with it."""

_LINK = """<q-td :props="props"><a :href="props.row.href"
  @click.exact.prevent="$parent.$emit('go', props.row.href)">{{ props.value }}</a></q-td>"""
_BAR = """<q-td :props="props">{{ props.value }}<div v-if="props.row.share !== null" class="bar" aria-hidden="true">
  <div :style="{width: props.row.share}"></div></div></q-td>"""


class RowTable:
    """A table, in which a column may have links, or bars of a share below its values."""

    def __init__(self, names: Mapping[str, str], classes: str, label: str) -> None:
        columns = [
            {"name": name, "label": title, "field": name, "align": "left" if name == "id" else "right"}
            | {"classes": name, "headerClasses": name}
            for name, title in names.items()
        ]
        self._table = ui.table(columns=columns, rows=[], row_key="id").classes(f"records {classes}")
        self._table.props(f'flat hide-bottom tabindex=0 aria-label="{label}" :rows-per-page-options=[0]')
        self._table.set_visibility(False)
        self._table.props(""":table-row-class-fn="row => row.chosen ? 'is-chosen' : ''\"""")

    def link(self, column: str, go: Go) -> "RowTable":
        """Make the values of a column links; rows have their addresses as `href`."""
        self._table.add_slot(f"body-cell-{column}", _LINK)
        self._table.on("go", lambda event: go(f"{event.args}"))
        return self

    def bar(self, column: str) -> "RowTable":
        """Give the values of a column bars; rows have their lengths as `share`, None for no bar."""
        self._table.add_slot(f"body-cell-{column}", _BAR)
        return self

    def show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Show rows; nothing if there are none."""
        self._table.set_visibility(bool(rows))
        shown = [dict(row) for row in rows]
        if self._table.rows != shown:
            self._table.rows = shown


class TopCard:
    """The items with the most view time, or the most viewers, and a field that selects any other."""

    def __init__(self, go: Go, find: Enter) -> None:
        with ui.element("section").classes("card"):
            with ui.element("div").classes("heading"):
                heading(2, "Top items")
                self._orders = Links("Order", {"view_time": "view time", "viewers": "viewers"}, go)
            with ui.element("form").classes("controls find").on("submit.prevent", lambda: self._find(find)):
                self._media = ui.input("MediaId").props("outlined dense inputmode=numeric")
                ui.button("Show", color=None).props("type=submit flat no-caps").classes("act")
            self._wrong = paragraph("wrong").props("role=alert")
            self._note = Note()
            names = {"id": "Item", "view_time": "View time", "viewers": "Viewers"}
            names |= {"starts": "Starts"}
            self._table = RowTable(names, "top-media", "Top items").link("id", go).bar("view_time")

    def show_choice(self, choice: Choice) -> None:
        """Show what is selected; empty the field."""
        orders = {order: choice.change(order=order).address() for order in ("view_time", "viewers")}
        self._orders.show(orders, choice.order)
        self._media.value = ""
        self._wrong.set_text("")

    def show(self, top: figures.Top) -> None:
        """Show the first items of an order."""
        self._note.show(top.words, top.commands)
        self._table.show(top.rows)

    async def _find(self, find: Enter) -> None:
        self._wrong.set_text(await find(f"{self._media.value or ''}"))


class ChartCard:
    """The trend of an item, or of all of them, with what selects its range."""

    def __init__(self, go: Go, zone: Enter) -> None:
        self._shown: Picture | None = None
        with ui.element("section").classes("card trend"):
            with ui.element("div").classes("heading"):
                self._title = TextElement(tag="h2", text="")
                with ui.element("div").classes("all") as self._leave:
                    self._all = Link("all items", go)
            self._totals = Totals()
            with ui.element("div").classes("controls"):
                self._per = Links("Rows by", {"minute": "minutes", "hour": "hours", "day": "days"}, go)
                self._ranges = Links("Range", figures.RANGE_NAMES, go)
                with ui.element("form").classes("zone").on("submit.prevent", lambda: self._set_zone(zone)):
                    self._zone = ui.input("time zone").props("outlined dense")
                    self._zone.on("blur", lambda: self._set_zone(zone))
            self._wrong = paragraph("wrong").props("role=alert")
            with ui.element("div").classes("range"):
                self._words = paragraph("quiet")
                self._csv = ui.link("CSV", PAGE).classes("csv")
                with ui.element("div").classes("steps"):
                    self._steps = {name: Step(icon, name, go) for name, icon in figures.STEPS.items()}
            self._place = ui.element("div").props(f'role=img aria-label="Trend" aria-describedby={self._words.html_id}')
            self._chart: ui.echart | None = None

    def show_choice(self, choice: Choice) -> None:
        """Show what is selected."""
        self._title.set_text(figures.title(choice))
        self._leave.set_visibility(choice.media is not None)
        self._all.show(choice.change(media=None, to=None).address())
        self._per.show(figures.per_addresses(choice), choice.per)
        self._ranges.show(figures.range_addresses(choice), choice.range)
        self._zone.value = choice.zone
        self._csv.props(f'href="{choice.csv_address()}"')
        self._wrong.set_text("")

    def show(self, shown: figures.Trending) -> None:
        """Show a trend."""
        self._totals.show(shown.totals)
        self._words.set_text(shown.words)
        self._csv.set_visibility(shown.picture is not None)
        for name, step in self._steps.items():
            step.show(shown.steps.get(name))
        self._draw(shown.picture)

    def _draw(self, picture: Picture | None) -> None:
        self._place.set_visibility(picture is not None)
        before, self._shown = self._shown, picture
        if picture is None or picture == before:
            return
        if self._chart is None:
            with self._place:
                self._chart = chart(charts.options())
        change = ", ".join(orjson.dumps(part).decode() for part in picture.change_from(before))
        ui.run_javascript(f"trends.change({self._chart.id}, {change})")

    async def _set_zone(self, zone: Enter) -> None:
        self._wrong.set_text(await zone(f"{self._zone.value or ''}"))


class Step:
    """A button that moves the range of the trend."""

    def __init__(self, icon: str, label: str, go: Go) -> None:
        self._address = PAGE
        self._button = ui.button(icon=icon, color=None, on_click=lambda: go(self._address))
        self._button.classes("act").props(f'flat aria-label="{label}"').tooltip(label)
        self.show(None)

    def show(self, address: str | None) -> None:
        """Lead to an address; to nothing if it is None."""
        self._address = address or PAGE
        self._button.set_enabled(address is not None)


class Totals:
    """The totals of an item, in a line."""

    def __init__(self) -> None:
        self._element = ui.element("div").classes("totals")
        self._shown: Sequence[Figure] = ()

    def show(self, shown: Sequence[Figure]) -> None:
        """Show figures."""
        if shown != self._shown:
            self._shown = shown
            self._element.clear()
            with self._element:
                for figure in shown:
                    with ui.element("div"):
                        paragraph("number", figure.number)
                        paragraph("meaning", figure.name)


class TableCard:
    """A table with its heading, and a note if it is empty or not complete."""

    def __init__(self, title: str, table: Callable[[], RowTable]) -> None:
        with ui.element("section").classes("card") as self._section:
            heading(2, title)
            self._note = Note()
            self._table = table()
        self._section.set_visibility(False)

    def show(self, listed: figures.Listed | None) -> None:
        """Show rows; the whole card is hidden if they are None."""
        self._section.set_visibility(listed is not None)
        if listed is not None:
            self._note.show(listed.words)
            self._table.show(listed.rows)
