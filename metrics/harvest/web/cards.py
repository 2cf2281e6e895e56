"""The parts of the page. Each is built once and then updated; only changes are sent to the browser."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from metrics.harvest.core.event import PLATFORMS
from metrics.harvest.core.run_report import StreamReport
from metrics.harvest.listening.progress import Progress
from metrics.harvest.web import figures, rows
from metrics.harvest.web.charts import Chart
from metrics.harvest.web.digest import Digest, ShowRow
from metrics.harvest.web.rows import BY_ID
from metrics.web import tables
from metrics.web.glance import Condition, Thresholds
from metrics.web.shell import chart, heading, paragraph

USERS = 20  # of a page of the table
USERS_COLUMNS = {"id": "Id", "name": "Name", "age": "Age", "events": "Events", "successful": "Successful"}

_STREAM = """<q-td :props="props"><span :class="'badge ' + props.row.outcome">
  <q-icon :name="props.row.icon" aria-hidden="true"></q-icon>{{ props.row.outcome }}</span>
  <div class="quiet">{{ props.row.why }}</div></q-td>"""
_CUT = """<q-td :props="props" :title="props.row[`whole_${props.col.name}`]">
  <div class="clamp">{{ props.value }}</div></q-td>"""
_MALFORMED = """<q-td :props="props"><span class="badge"><q-icon v-if="props.row.mark" :name="props.row.mark"
  :class="props.row.look" aria-hidden="true"></q-icon>{{ props.row.malformed }}</span>
  <div class="quiet">{{ props.row.reasons }}</div></q-td>"""
_STREAM_ENTRY = """
<div class="entry">
  <div><b>{{ props.row.platform }}</b> <span :class="'badge ' + props.row.outcome">
    <q-icon :name="props.row.icon" aria-hidden="true"></q-icon>{{ props.row.outcome }}</span></div>
  <div>{{ props.row.events }} events in {{ props.row.listened }}; {{ props.row.malformed }} malformed,
    {{ props.row.repeated }} repeated; connections: {{ props.row.connections }}; {{ props.row.bytes }}</div>
  <div class="quiet">{{ props.row.reasons }}</div>
  <div class="quiet">{{ props.row.why }}</div>
</div>
"""
_USER = """
<q-tr :props="props" class="user">
  <q-td v-for="column in props.cols" :key="column.name" :props="props">
    <button v-if="column.name === 'name'" type="button" class="more" :aria-expanded="props.expand ? 'true' : 'false'"
      :title="props.row.whole_name" @click="props.expand = !props.expand">
      <span class="clamp">{{ column.value }}</span></button>
    <template v-else>{{ column.value }}</template>
  </q-td>
</q-tr>
<q-tr v-if="props.expand" :props="props"><q-td colspan="100%" class="lines">
  <div v-for="line in props.row.lines" :title="line.whole"><span class="at">{{ line.at }}</span> {{ line.text }}</div>
  <div class="quiet">{{ props.row.more }}</div>
</q-td></q-tr>
"""


class Tile:
    """A stream of the current run."""

    def __init__(self, platform: str) -> None:
        with ui.element("div").classes("tile") as self._tile:
            with ui.element("div").classes("name"):
                TextElement(tag="h3", text=platform)
                with ui.element("span").classes("state"):
                    self._icon = ui.icon("").props("aria-hidden=true")
                    self._state = TextElement(tag="span", text="")
            self._events = paragraph("number")
            self._read = paragraph("quiet read")
            self._why = paragraph("quiet why")

    def show(self, icon: str, state: str, events: int, read: str, why: str, look: Condition) -> None:
        """Show the stream."""
        self._tile.classes(replace=f"tile {look.name.lower()}")
        self._icon.set_name(icon)
        self._state.set_text(state)
        self._events.set_text(f"{events:,}")
        self._read.set_text(f"{'event' if events == 1 else 'events'}; {read}")
        self._why.set_text(why)


class ProgressCard:
    """The current run: its streams, the times the name was seen, and the time that is left.

    Args:
        thresholds: of the share of malformed frames of a stream, in percent.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        with ui.element("section").classes("progress").props('aria-label="Progress"') as self._section:
            with ui.element("div").classes("rule"):
                self._run = paragraph("run")
                self._seen = paragraph("seen")
                self._left = paragraph("left").props("role=timer")
            with ui.element("div").classes("time").props("aria-hidden=true"):
                self._bar = ui.element("div")
            with ui.element("div").classes("tiles"):
                self._tiles = {stream: Tile(platform) for stream, platform in PLATFORMS.items()}
        self._section.set_visibility(False)

    def show(self, seconds: float, progress: Progress | None) -> None:
        """Show the progress of a run that takes some seconds; nothing if none runs."""
        self._section.set_visibility(progress is not None)
        if progress is None:
            return
        self._run.set_text(f"Run {progress.run}")
        self._seen.set_text(figures.seen(progress))
        self._left.set_text(figures.left(progress))
        passed = 1 - progress.seconds_left / seconds if progress.report_share is None else progress.report_share
        self._bar.style(f"width: {passed:.1%}")
        for stream in progress.streams:
            icon, state = figures.stream_state(stream)
            look, _ = self._thresholds.verdict_of_share(stream.malformed, stream.frames)
            self._tiles[stream.stream].show(icon, state, stream.events, figures.read(stream), stream.why or "", look)


class ChartCard:
    """A chart, with a line of text above it."""

    def __init__(self, title: str) -> None:
        with ui.element("section").classes("card"):
            heading(2, title)
            self._words = paragraph("quiet")
            self._place = ui.element("div")
            self._place.props(f'role=img aria-label="{title}" aria-describedby={self._words.html_id}')
            self._chart: ui.echart | None = None

    def show(self, shown: Chart) -> None:
        """Show a chart; only its text if it is empty."""
        self._words.set_text(shown.words)
        self._place.set_visibility(shown.height_px > 0)
        if not shown.height_px:
            return
        if self._chart is None:
            with self._place:
                self._chart = chart({})
        self._chart.options.update(shown.options)
        self._chart.style(f"height: {shown.height_px}px").update()


class StreamsCard:
    """The streams of a run.

    Args:
        thresholds: of the share of malformed frames of a stream, in percent.
    """

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        with ui.element("section").classes("card"):
            heading(2, "Streams")
            self._table = _table(
                {
                    "platform": "Platform",
                    "outcome": "Outcome",
                    "listened": "Listened",
                    "connections": "Connections",
                    "events": "Events",
                    "malformed": "Malformed",
                    "repeated": "Repeated",
                    "bytes": "Bytes",
                },
                {"listened", "connections", "events", "malformed", "repeated", "bytes"},
                "streams",
                "Streams",
                "stream",
            )
            self._table.props(':grid="Quasar.Screen.lt.md" hide-bottom :rows-per-page-options=[0]')
            self._table.add_slot("body-cell-outcome", _STREAM)
            self._table.add_slot("body-cell-malformed", _MALFORMED)
            self._table.add_slot("item", _STREAM_ENTRY)

    def show(self, streams: Sequence[StreamReport]) -> None:
        """Show streams."""
        self._table.rows = [rows.stream_row(stream, self._thresholds) for stream in streams]


class ShowsCard:
    """The shows with the most events."""

    def __init__(self) -> None:
        with ui.element("section").classes("card"):
            heading(2, "Shows")
            self._words = paragraph("quiet")
            numbers = {"events": "Events", "started": "Started", "liked": "Liked"}
            names = {"title": "Show", "platform": "Platform"} | numbers
            self._table = _table(names, {*numbers}, "shows", "Shows", "key")
            self._table.props("hide-bottom :rows-per-page-options=[0]")
            for cut in ("title", "platform"):
                self._table.add_slot(f"body-cell-{cut}", _CUT)

    def show(self, shows: Sequence[ShowRow]) -> None:
        """Show shows, the ones with the most events first."""
        self._words.set_text(f"The {len(shows)} with the most events" if shows else "No events.")
        self._table.set_visibility(bool(shows))
        self._table.rows = [rows.show_row(show) | {"key": number} for number, show in enumerate(shows)]


class UsersCard:
    """The users of a run; the server sends one page of the table at a time.

    The browser keeps no page and no order of its own that could differ from what is shown.

    Args:
        digest: returns the digest of the run that is shown; None if it cannot be read.
    """

    def __init__(self, digest: Callable[[], Awaitable[Digest | None]]) -> None:
        self._digest = digest
        self._order = BY_ID
        with ui.element("section").classes("card"):
            with ui.element("div").classes("heading"):
                heading(2, "Users")
                self._search = ui.input("id or name").props("outlined dense clearable debounce=250 type=search")
                self._search.on_value_change(self._show_first)
            self._words = paragraph("quiet")
            self._table = _table(USERS_COLUMNS, {"id", "age", "events", "successful"}, "users", "Users", "id")
            self._table.props("hide-bottom :rows-per-page-options=[0]")
            self._table.add_slot("header", tables.HEADER)
            self._table.add_slot("body", _USER)
            self._table.on("sort", lambda event: self._sort(f"{event.args}"))
            self._pager = tables.Pager(USERS, self._show_again)

    def show(self, digest: Digest) -> None:
        """Show the first users of another run."""
        self._search.value = ""
        self._order, self._pager.page = BY_ID, 0
        self._show(digest)

    async def _sort(self, column: str) -> None:
        self._order = self._order.by(column)
        await self._show_first()

    async def _show_first(self) -> None:
        self._pager.page = 0
        await self._show_again()

    async def _show_again(self) -> None:
        digest = await self._digest()
        if digest is not None:
            self._show(digest)

    def _show(self, digest: Digest) -> None:
        users = rows.matching(digest, f"{self._search.value or ''}", self._order)
        self._table.columns = [column | self._order.of(column["name"]) for column in self._table.columns]
        self._table.rows = [rows.user_row(user, digest) for user in users[self._pager.rows(len(users))]]
        self._words.set_text(rows.found(len(users), len(digest.report.reports.users)))


def _table(names: dict[str, str], numbers: set[str], classes: str, label: str, key: str) -> ui.table:
    columns = [
        {
            "name": name,
            "label": name_shown,
            "field": name,
            "align": "right" if name in numbers else "left",
            "classes": name,
        }
        for name, name_shown in names.items()
    ]
    table = ui.table(columns=columns, rows=[], row_key=key).classes(f"records {classes}")
    table.props(f'flat tabindex=0 aria-label="{label}"')
    return table
