"""How a group stands, in words and tables: what `app.py status` prints."""

from collections.abc import Collection, Iterator

from rich.table import Table

from metrics.frames.core.open_windows import Holder, OpenWindow
from metrics.frames.sizes import SECOND, SIZES
from metrics.frames.status import warnings
from metrics.frames.status.facts import Activity, Cause, Frames, PartitionStatus, Status
from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_folded
from metrics.text import in_line, listed, numbered
from metrics.times import Moment

FOLD_BEFORE = "open"
MOST_TOLD = 3  # partitions whose standing is told in words


def show(status: Status) -> None:
    """Print the head, the table of partitions, and why windows are open."""
    say("\n".join([*head(status), ""]))
    say_folded(table(status), FOLD_BEFORE)
    say("\n".join(["", *why(status)]))


def head(status: Status) -> Iterator[str]:
    """Yield what is true of the whole group."""
    rules, frames = status.rules, status.frames
    partitions = numbered(len(status.partitions), "partition")
    yield f"group         {in_line(status.group)}, reading {status.topic}: {partitions}"
    yield f"instance      {activity(status)}"
    yield f"rules         LATENESS_S={rules.lateness_s} FUTURE_LIMIT_S={rules.future_limit_s}"
    yield f"event time    {_time(status.event_time)}"
    yield (
        f"closed        {'through ' if status.closed_through else ''}{_time(status.closed_through)}: "
        f"{listed([numbered(status.published_of(size), size.name) for size in SIZES])} are published"
    )
    if status.closing_to is not None:
        ending = "it goes on" if status.instance.activity is Activity.ACTIVE else "the next run finishes it"
        yield f"closing       through {status.closing_to.datetime} has begun, and not ended: {ending}"
    yield f"open          {_open(status)}"
    error = status.frames.error
    parts = ", ".join(
        f"{reason} {count:,}" + (f" ({frames.late_in_minute:,} in their minute)" if reason == "late" else "")
        for reason, count in error.parts.items()
    )
    decided = numbered(frames.consumed - frames.held, "frame")
    yield f"error rate    {error.rate:.3%} of {decided}{': ' + parts if parts else ''}"
    for loss in status.losses:
        yield f"lost          {loss}"
    for warning in warnings.warnings(status):
        yield f"warning       {warning}"


def activity(status: Status) -> str:
    """Return whether an instance counts, and by what that was seen."""
    instance, name = status.instance, in_line(status.instance.id or "")
    match instance.activity:
        case Activity.ACTIVE:
            return f"{name}, active: it was seen to commit"
        case Activity.STOPPED:
            return f"{name}, stopped in order; none is active"
        case Activity.SILENT:
            return f"{name}, silent: it did not stop in order, but commits no more: killed, hanging, or cut off"
        case Activity.NEVER_RAN:
            return "none: the group has no state; it never ran, or its offsets are gone"


def _open(status: Status) -> str:
    if not status.is_open_known:
        return (
            f"{numbered(status.frames.open, 'frame')} in seconds that this state, of an earlier program, does not tell"
        )
    parts = [
        f"{size.plural} from {window.start.datetime} on"
        + (f", with {numbered(status.frames.open, 'frame')}" if size is SECOND else "")
        for size, window in status.oldest_open().items()
    ]
    return "; ".join(parts) or "nothing"


def table(status: Status) -> Table:
    """Return a row for each partition and one for all: first where they are, then what became of their frames."""
    made = new_table(
        *("partition", "position", "end", "lag", "event clock", "watermark"),
        *(FOLD_BEFORE, "held", "held from", "counted", "late", "rejected", "lost"),
    )
    for at in status.partitions:
        place = (f"{at.position:,}", _number(at.end), _number(at.lag), _time(at.event_clock), _time(at.watermark))
        made.add_row(f"{at.partition}", *place, *_counts(at.frames, _number(at.held_from)))
    place = ("", "", _number(status.lag), _time(status.event_time), _time(status.closed_through))
    made.add_row("all", *place, *_counts(status.frames, ""))
    return made


def _counts(frames: Frames, held_from: str) -> Iterator[str]:
    yield from (f"{frames.open:,}", f"{frames.held:,}", held_from)
    yield from (f"{number:,}" for number in (frames.counted, frames.late, frames.rejected, frames.lost))


def why(status: Status) -> Iterator[str]:
    """Yield why the oldest windows are open: which partition holds them, since when, and what it waits for."""
    windows = status.oldest_open()
    is_active = status.instance.activity is Activity.ACTIVE
    if not windows:
        yield "no window is open" if status.is_open_known else "why windows are open, this state does not tell"
    for size, window in windows.items():
        yield f"why is the {size.name} {window.start.datetime} open?"
        yield f"  {_held_open_by(window, is_active=is_active)}"
    if status.instance.activity is Activity.SILENT:
        yield "  no instance is seen to commit: nothing moves until one does"
    elif not is_active:
        yield "  no instance is active: nothing moves until one runs"
    holding = {holder.partition for window in windows.values() for holder in window.held_by[:MOST_TOLD]}
    yield from _standings(status, holding)
    if holding and is_active and _all_read(status):
        yield (
            "  every partition is read to its end: once all are silent, event time moves on with wall time, and closes "
            "what is open"
        )


def _standings(status: Status, holding: Collection[int]) -> Iterator[str]:
    """Yield how the partitions stand that hold a window, or in which something is up."""
    for partition in status.partitions:
        if partition.partition in holding or partition.frames.held or partition.waits_for is Cause.NEW:
            yield f"  partition {partition.partition} {_stand(partition)}: {_cause(partition, status)}"
    idle = [partition.partition for partition in status.partitions if partition.is_idle]
    if holding and idle:
        yield f"  passed over, since silent: {_partitions(idle)}"


def _held_open_by(window: OpenWindow, *, is_active: bool) -> str:
    if window.is_closing:
        return "its closing has begun; nothing holds it"
    if not window.held_by and is_active:
        return f"all partitions are idle: event time moves on with wall time, and closes it in {window.closes_in_s:,} s"
    if not window.held_by:
        return "all partitions were silent at the last commit: wall time closes it, while an instance runs"
    first, *others = window.held_by
    told = [f"partition {other.partition}{_by(other)}" for other in others[: MOST_TOLD - 1]]
    more = [f"{len(others) - len(told):,} more"] if len(others) > len(told) else []
    also = f"; also short: {', '.join([*told, *more])}" if others else ""
    return (
        f"partition {first.partition} holds it: its event clock {_lack(first)} {window.closes_at.datetime}, "
        f"its end and LATENESS_S{also}"
    )


def _lack(holder: Holder) -> str:
    return "has not begun, and must reach" if holder.lacks_s is None else f"is {holder.lacks_s:,} s short of"


def _by(holder: Holder) -> str:
    return "" if holder.lacks_s is None else f" by {holder.lacks_s:,} s"


def _stand(partition: PartitionStatus) -> str:
    if partition.event_clock is None:
        return "has no event time"
    since = f" since its frame stamped {partition.read_at.datetime}" if partition.read_at is not None else ""
    return f"stands at {partition.event_clock.datetime}{since}"


def _cause(partition: PartitionStatus, status: Status) -> str:
    is_active = status.instance.activity is Activity.ACTIVE
    is_waited_for = is_active and not partition.is_idle
    once_idle = (
        f"; once it has been silent for IDLE_S={status.rules.idle_s} s, it holds nothing open any more"
        if is_waited_for
        else ""
    )
    held = (
        f"it holds {numbered(partition.frames.held, 'frame')} far ahead, from offset {partition.held_from or 0:,} on, "
        "until those behind prove or refute the first"
    )
    match partition.waits_for:
        case Cause.LAG:
            oldest = f", the first stamped {partition.unread_at.datetime}" if partition.unread_at is not None else ""
            reading = f"it has lag: at most {numbered(partition.lag or 0, 'record')} to read{oldest}"
            return f"{reading}; {held}" if partition.frames.held else reading
        case Cause.TRANSACTION:
            return f"a producer's transaction is open in it: {numbered(partition.uncommitted or 0, 'offset')} to come"
        case Cause.HELD:
            return held + once_idle
        case Cause.EMPTY:
            return f"it is read to its end, and no frame came yet{once_idle}"
        case Cause.IDLE:
            return f"it is read to its end, and waits for frames{once_idle}"
        case Cause.NEW:
            return "it is new in the topic; " + ("it is taken up soon" if is_active else "the next run takes it up")
        case _:
            return "what it holds is not known"


def _all_read(status: Status) -> bool:
    return all(one.waits_for in (Cause.IDLE, Cause.EMPTY, Cause.HELD) for one in status.partitions)


def _partitions(numbers: list[int]) -> str:
    noun = "partition" if len(numbers) == 1 else "partitions"
    return f"{noun} {', '.join(map(str, numbers))}"


def _time(moment: Moment | None) -> str:
    return "-" if moment is None else moment.datetime


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
