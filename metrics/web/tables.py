"""Tables that the server sorts and turns: the browser keeps no order and no page of its own that could differ."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self

from nicegui import ui

from metrics.web.shell import paragraph

# The header of a table whose columns have `order` and `icon`, by `order_of`; it emits `sort` with the column's name.
HEADER = """
<q-tr :props="props">
  <q-th v-for="column in props.cols" :key="column.name" :props="props" :aria-sort="column.order">
    <button type="button" class="sort" :data-column="column.name"
      @click="() => $parent.$emit('sort', column.name)">{{ column.label
      }}<q-icon v-if="column.icon" :name="column.icon" aria-hidden="true"></q-icon></button>
  </q-th>
</q-tr>
"""


class Order(NamedTuple):
    """An order of rows."""

    column: str
    is_descending: bool = False

    def by(self, column: str) -> Self:
        """Return the order after a click on a column: by it; if it is already, the other way round."""
        return self._replace(column=column, is_descending=column == self.column and not self.is_descending)

    def of(self, column: str) -> dict[str, str]:
        """Return how a column is sorted, for assistive technology and as an icon."""
        if column != self.column:
            return {"order": "none", "icon": ""}
        direction = ("descending", "arrow_downward") if self.is_descending else ("ascending", "arrow_upward")
        return dict(zip(("order", "icon"), direction, strict=True))


class Pager:
    """Buttons that turn the pages of a list; hidden if there is only one.

    Args:
        rows: of a page.
        turned: called after a turn, to show the list again.

    Attributes:
        page: the one that is shown, from 0.
    """

    def __init__(self, rows: int, turned: Callable[[], Awaitable[None]]) -> None:
        self._rows = rows
        self._turned = turned
        self.page = 0
        with ui.element("div").classes("turn") as self._element:
            self._place = paragraph("quiet")
            self._back = self._button("chevron_left", "Previous page", -1)
            self._on = self._button("chevron_right", "Next page", 1)

    def rows(self, of: int) -> slice:
        """Show the page, or the last one if the list has become shorter; return which rows of the list it has.

        Args:
            of: number of rows in the list.
        """
        last = max(0, of - 1) // self._rows
        self.page = min(max(0, self.page), last)
        first = self.page * self._rows
        end = min(first + self._rows, of)
        self._place.set_text(f"{first + 1:,}-{end:,} of {of:,}")
        self._element.set_visibility(last > 0)
        self._back.set_enabled(self.page > 0)
        self._on.set_enabled(self.page < last)
        return slice(first, end)

    def _button(self, icon: str, label: str, pages: int) -> ui.button:
        async def turn() -> None:
            self.page += pages
            await self._turned()

        button = ui.button(icon=icon, color=None, on_click=turn).classes("act").props(f'flat aria-label="{label}"')
        return button.tooltip(label)
