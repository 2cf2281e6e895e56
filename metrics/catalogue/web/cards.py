"""The parts of the page. Each builds itself and is then updated; only changes are sent to the browser."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.catalogue.load.loads import Load
from metrics.catalogue.load.rejected import Rejected
from metrics.catalogue.web import figures
from metrics.catalogue.web.recent import LOADS, REJECTED
from metrics.web.cards import Note
from metrics.web.glance import Thresholds
from metrics.web.shell import heading, paragraph


def _columns(names: dict[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "field": name,
            "align": "right" if name in (*figures.NUMBERS, "id", "load") else "left",
            "classes": f"{name} number" if name in figures.NUMBERS else name,
        }
        for name, label in names.items()
    ]


_STATE = """<span :class="'badge ' + props.row.state">
  <q-icon :name="props.row.icon" aria-hidden="true"></q-icon>{{ props.row.state }}</span>"""
_SOURCE = """{{ props.row.source }}<div v-for="[text, icon, look] in props.row.notes" class="quiet"><span class="badge">
  <q-icon v-if="icon" :name="icon" :class="look" aria-hidden="true"></q-icon>{{ text }}</span></div>"""
_REJECTED = """<span class="badge"><q-icon v-if="props.row.rejected[1]" :name="props.row.rejected[1]"
  :class="props.row.rejected[2]" aria-hidden="true"></q-icon>{{ props.row.rejected[0] }}</span>"""
_LOAD_ENTRY = f"""
<div class="entry">
  <div><b>Load {{{{ props.row.id }}}}, {{{{ props.row.model }}}}</b> {_STATE}</div>
  <div>{{{{ props.row.started }}}} UTC: {{{{ props.row.sums }}}}</div>
  <div v-if="props.row.rejected[1]">{_REJECTED} rejected</div>
  <div>{_SOURCE}</div>
</div>
"""
_REJECTED_ENTRY = """
<div class="entry">
  <div><b>Load {{ props.row.load }}, {{ props.row.model }}</b> {{ props.row.position }}</div>
  <div>{{ props.row.detail }}</div>
  <code>{{ props.row.record }}</code>
</div>
"""


class LoadsCard:
    """The newest loads with their sums.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        with ui.element("section").classes("card"):
            heading(2, "Loads")
            self._note = Note()
            names = {"id": "Load", "started": "Started (UTC)", "model": "Model", "state": "State"}
            names |= {name: name.capitalize() for name in figures.NUMBERS}
            self._table = _table(names | {"source": "From"}, "loads", "Loads")
            self._table.add_slot("body-cell-state", f'<q-td :props="props">{_STATE}</q-td>')
            self._table.add_slot("body-cell-source", f'<q-td :props="props">{_SOURCE}</q-td>')
            self._table.add_slot("body-cell-rejected", f'<q-td :props="props">{_REJECTED}</q-td>')
            self._table.add_slot("item", _LOAD_ENTRY)
        self._loads: Sequence[Load] | None = None

    def show(self, loads: Sequence[Load]) -> None:
        """Show loads, the newest first."""
        if loads != self._loads:
            self._loads = loads
            if loads:
                self._note.show(f"The {len(loads)} newest (max. {LOADS})")
            else:
                self._note.show("No loads yet. Generate files, and load the first one:", figures.FIRST_COMMANDS)
            self._table.set_visibility(bool(loads))
            self._table.rows = [figures.load_row(load, datetime.now(UTC), self._thresholds) for load in loads]


class RejectedCard:
    """The rejected records of the newest loads. Their contents are text: Vue inserts them as such."""

    def __init__(self) -> None:
        with ui.element("section").classes("card"):
            heading(2, "Rejected records")
            self._note = Note()
            names = {
                "load": "Load",
                "model": "Model",
                "position": "Position",
                "detail": "What is wrong",
                "record": "Record",
            }
            self._table = _table(names, "rejected", "Rejected records")
            self._table.add_slot("body-cell-record", '<q-td :props="props"><code>{{ props.value }}</code></q-td>')
            self._table.add_slot("item", _REJECTED_ENTRY)
        self._records: Sequence[Rejected] | None = None

    def show(self, records: Sequence[Rejected]) -> None:
        """Show records, those of the newest load first."""
        if records != self._records:
            self._records = records
            if records:
                first = f"The first {len(records)} of the newest loads (max. {REJECTED})."
                self._note.show(f"{first} Once a rule is corrected, try again:", figures.retries(records))
            else:
                self._note.show("No rejected records.")
            self._table.set_visibility(bool(records))
            self._table.rows = [figures.rejected_row(record) for record in records]


def _table(names: dict[str, str], classes: str, label: str) -> ui.table:
    table = ui.table(columns=_columns(names), rows=[], row_key="id").classes(f"records {classes}")
    # one card per row if there is no room for columns; Quasar watches the window's width
    table.props(f':grid="Quasar.Screen.lt.md" flat hide-bottom tabindex=0 aria-label="{label}"')
    table.props(":rows-per-page-options=[0]")
    return table


class Values:
    """The values of an answer, with their units."""

    def __init__(self) -> None:
        self._element = ui.element("div").classes("values").props("aria-live=polite")
        with self._element:
            paragraph("quiet", "Not answered yet.")

    def show(self, shown: Sequence[figures.Figure]) -> None:
        """Show values."""
        self._element.clear()
        with self._element:
            for figure in shown:
                with ui.element("div"):
                    paragraph("number", figure.number)
                    paragraph("meaning", figure.meaning)

    def refuse(self, why: str) -> None:
        """Show why there is no answer."""
        self._element.clear()
        with self._element:
            paragraph("wrong", why)


def details(summary: str, text: str, code: str) -> None:
    """Add a text and code that are shown on demand."""
    with ui.element("details"):
        TextElement(tag="summary", text=summary)
        paragraph(text=text)
        TextElement(tag="pre", text=code)
