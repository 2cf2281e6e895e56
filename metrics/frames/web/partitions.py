"""The card of partitions: position, lag, event time, watermark and state of each."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui import ui

from metrics.frames.status.facts import Activity, Cause, PartitionStatus, Status
from metrics.frames.web.hints import START
from metrics.time.moments import Moment, clock
from metrics.web import tables
from metrics.web.cards import Note
from metrics.web.shell import heading
from metrics.web.tables import Order
from metrics.wording.text import numbered

PAGE = 20
NAMES = {
    "partition": "Partition",
    "position": "Position",
    "lag": "Lag",
    "event_time": "Event time",
    "watermark": "Watermark",
    "state": "State",
}
NOT_READ = "not read"
IDLE = "idle"
READING = "reading"
STATES = {  # of a partition that is not idle, while an instance runs
    Cause.LAG: READING,
    Cause.IDLE: READING,
    Cause.BEHIND: "behind",
    Cause.PAUSED: "paused",
    Cause.TRANSACTION: "open transaction",
    Cause.HELD: "holding frames",
    Cause.EMPTY: "no frame yet",
    Cause.NEW: "new",
    Cause.UNKNOWN: "unknown",
}
ICONS = {
    READING: "play_arrow",
    IDLE: "bedtime",
    NOT_READ: "stop",
    STATES[Cause.BEHIND]: "schedule",
    STATES[Cause.PAUSED]: "pause",
    STATES[Cause.TRANSACTION]: "lock_open",
    STATES[Cause.HELD]: "front_hand",
    STATES[Cause.EMPTY]: "hourglass_empty",
    STATES[Cause.NEW]: "add",
    STATES[Cause.UNKNOWN]: "help_outline",
}
_STATE = """<q-td :props="props"><span class="badge"><q-icon :name="props.row.icon" aria-hidden="true"></q-icon>{{
  props.value }}</span></q-td>"""


class PartitionsCard:
    """The partitions of the input, sorted by a column; the server sends one page of the table at a time."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._order = Order("partition")
        with ui.element("section").classes("card"):
            heading(2, "Partitions")
            self._note = Note()
            columns = [
                {"name": name, "label": label, "field": name, "align": "left" if name == "state" else "right"}
                | {"classes": name, "headerClasses": name}
                for name, label in NAMES.items()
            ]
            self._table = ui.table(columns=columns, rows=[], row_key="partition").classes("records partitions")
            self._table.props('flat hide-bottom tabindex=0 aria-label="Partitions" :rows-per-page-options=[0]')
            self._table.add_slot("header", tables.HEADER)
            self._table.add_slot("body-cell-state", _STATE)
            self._table.on("sort", lambda event: self._sort(f"{event.args}"))
            self._pager = tables.Pager(PAGE, self._show_again)
        self._sort_columns()
        self.show(None)

    def show(self, status: Status | None) -> None:
        """Show the group's last known status."""
        self._status = status
        self._note.show(*note(status))
        partitions = [] if status is None else ordered(status, self._order)
        shown = partitions[self._pager.rows(len(partitions))]
        rows = [] if status is None else [row(partition, status) for partition in shown]
        self._table.set_visibility(bool(rows))
        if self._table.rows != rows:
            self._table.rows = rows

    async def _sort(self, column: str) -> None:
        """Sort by a column; once more, the other way round."""
        if column in NAMES:
            self._order, self._pager.page = self._order.by(column), 0
            self._sort_columns()
            self.show(self._status)

    def _sort_columns(self) -> None:
        self._table.columns = [column | self._order.of(column["name"]) for column in self._table.columns]

    async def _show_again(self) -> None:
        self.show(self._status)


def note(status: Status | None) -> tuple[str, Sequence[str]]:
    """Return a line about all partitions, and the command to run if nothing counts them yet."""
    if status is None:
        return "The state of the group is not known yet.", ()
    count = numbered(len(status.partitions), "partition")
    match status.instance.activity:
        case Activity.NEVER_RAN:
            return f"No job has counted {status.topic} for group {status.group} yet. Start it:", (START,)
        case Activity.STOPPED | Activity.SILENT:
            return f"{count} of {status.topic}; no instance reads, these are the figures of the last commit.", ()
        case Activity.ON_FLINK:
            return f"{count} of {status.topic}; Flink reads, these are the figures of the handover.", ()
        case _:
            paused = sum(at.waits_for is Cause.PAUSED for at in status.partitions)
            return f"{count} of {status.topic}" + (f"; {paused:,} paused (ALIGN_S)" if paused else ""), ()


def state(partition: PartitionStatus, status: Status) -> str:
    """Return what a partition does, as far as the status knows.

    Which ones are behind is known only of the few that keep windows open for too long.
    """
    if status.instance.activity is not Activity.ACTIVE:
        return STATES[Cause.NEW] if partition.waits_for is Cause.NEW else NOT_READ
    if partition.is_idle and partition.waits_for in (Cause.IDLE, Cause.EMPTY, Cause.LAG):
        return IDLE
    by = status.kept_open.by if status.kept_open else []
    is_behind = any(one.partition == partition.partition and one.waits_for == Cause.BEHIND for one in by)
    return STATES[Cause.BEHIND if is_behind else partition.waits_for]


def row(partition: PartitionStatus, status: Status) -> dict[str, Any]:
    """Return a row of the table; times have a date unless it is that of the status."""
    now, does = status.asked_at.timestamp, state(partition, status)
    return {
        "partition": partition.partition,
        "position": f"{partition.position:,}",
        "lag": "-" if partition.lag is None else f"{partition.lag:,}",
        "event_time": _time(partition.event_clock, now),
        "watermark": _time(partition.watermark, now),
        "state": does,
        "icon": ICONS[does],
    }


def ordered(status: Status, order: Order) -> list[PartitionStatus]:
    """Return the partitions sorted by a column, unknown values as the smallest ones; ties are by number."""
    keys: Mapping[str, Callable[[PartitionStatus], Any]] = {
        "partition": lambda at: at.partition,
        "position": lambda at: at.position,
        "lag": lambda at: -1 if at.lag is None else at.lag,
        "event_time": lambda at: _second(at.event_clock),
        "watermark": lambda at: _second(at.watermark),
        "state": lambda at: state(at, status),
    }
    by_number = sorted(status.partitions, key=lambda at: at.partition)
    return sorted(by_number, key=keys[order.column], reverse=order.is_descending)


def _second(moment: Moment | None) -> int:
    return -1 if moment is None else moment.timestamp


def _time(moment: Moment | None, now: int) -> str:
    return "-" if moment is None else clock(moment.timestamp, now)
