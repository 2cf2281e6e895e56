"""The status of a group, in words and tables: what `status` prints."""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from rich.table import Table

from metrics.frames.core.shape import Shape
from metrics.frames.core.state import Rules
from metrics.frames.sizes import SECOND, SIZES
from metrics.frames.status import warnings
from metrics.frames.status.facts import Activity, Cause, Frames, PartitionStatus, Status
from metrics.frames.status.open_windows import OpenWindow, SlowPartition
from metrics.terminal.console import say
from metrics.terminal.tables import new_table, say_folded
from metrics.time.moments import Moment
from metrics.wording.text import in_line, listed, numbered

FOLD_BEFORE = "open"
LABEL_COLUMNS = 14
MAX_NAMED = 3  # partitions that are explained in words


class Line(NamedTuple):
    """A line of the explanation why windows are open: a question, or a part of the answer."""

    text: str
    is_question: bool = False


def show(status: Status) -> None:
    """Print the head, the table of partitions, and why windows are open."""
    say("\n".join(head(status)), indent=LABEL_COLUMNS)
    say("")
    say_folded(table(status), FOLD_BEFORE)
    say("")
    for line in why(status):
        say(line.text if line.is_question else f"  {line.text}")


def head(status: Status) -> Iterator[str]:
    """Yield the lines about the whole group, each with a label."""
    rules, frames = status.rules, status.frames
    partitions = numbered(len(status.partitions), "partition")
    yield f"group         {in_line(status.group)}, reading {status.topic}: {partitions}"
    yield f"job           {activity(status)}"
    shape = Shape(rules.ts_field, rules.uid_field, rules.ts_format, rules.uid_format)
    yield f"rules         {Rules(rules.lateness_s, rules.future_limit_s, shape=shape)}"
    yield f"event time    {_time(status.event_time)}"
    published = [numbered(status.published_of(size), f"one-{size.name} window") for size in SIZES]
    through = "through " if status.closed_through else ""
    yield f"closed        {through}{_time(status.closed_through)}: {listed(published)} published"
    if status.closing_to is not None:
        rest = "in progress" if status.instance.activity is Activity.ACTIVE else "unfinished; the next run completes it"
        yield f"closing       through {status.closing_to.datetime}: {rest}"
    yield f"open          {_open(status)}"
    error = status.frames.error
    parts = ", ".join(
        f"{count:,} {reason}" + (f" ({frames.late_in_minute:,} still counted for their minute)" * (reason == "late"))
        for reason, count in error.parts.items()
    )
    decided = numbered(frames.consumed - frames.held, "frame")
    yield f"error rate    {error.rate:.3%} of {decided}{': ' + parts if parts else ''}"
    for loss in status.losses:
        yield f"lost          {loss}"
    for warning in warnings.warnings(status):
        yield f"warning       {warning}"


def activity(status: Status) -> str:
    """Return whether an instance is active, and which one."""
    instance, name = status.instance, f"instance {in_line(status.instance.id or '')}"
    match instance.activity:
        case Activity.ACTIVE:
            return f"running ({name})"
        case Activity.STOPPED:
            return f"stopped cleanly ({name}); no active instance"
        case Activity.SILENT:
            return f"silent ({name}): it did not stop cleanly, but no longer commits: killed, hung or cut off"
        case Activity.ON_FLINK:
            return "handed over to Flink; the figures are those of that moment"
        case Activity.NEVER_RAN:
            return "never ran, or the offsets of the group are gone: it has no state"


def _open(status: Status) -> str:
    frames = numbered(status.frames.open, "frame")
    if not status.is_open_known:
        return f"{frames}; the state, saved by an earlier version, does not say in which windows"
    parts = [
        f"{size.plural} from {window.start.datetime}" + (f" ({frames})" if size is SECOND else "")
        for size, window in status.oldest_open().items()
    ]
    return "; ".join(parts) or "no windows"


def table(status: Status) -> Table:
    """Return a row for each partition and one for all: first positions, then frames by outcome."""
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


def why(status: Status) -> Iterator[Line]:
    """Yield why the oldest windows are open: which partition keeps them open, and what it waits for."""
    windows = status.oldest_open()
    is_active = status.instance.activity is Activity.ACTIVE
    if not windows and not status.is_open_known:
        yield Line("the state does not say why windows are open", is_question=True)
    for size, window in windows.items():
        yield Line(f"why is the {size.name} {window.start.datetime} open?", is_question=True)
        yield Line(_kept_open_by(window, is_active=is_active))
    if status.instance.activity is Activity.SILENT:
        yield Line("no instance commits: nothing advances until one does")
    elif status.instance.activity is Activity.ON_FLINK:
        yield Line("Flink counts: see python app.py flink status")
    elif not is_active:
        yield Line("no active instance: nothing advances until one runs")
    keeping = {slow.partition for window in windows.values() for slow in window.kept_open_by[:MAX_NAMED]}
    yield from map(Line, _partitions(status, keeping))
    if keeping and is_active and _all_read(status):
        yield Line(
            "all partitions are caught up: once all are idle, event time advances with wall time and closes what is "
            "open"
        )


def _partitions(status: Status, keeping: Collection[int]) -> Iterator[str]:
    """Explain the partitions that keep a window open, hold frames or are new; name those that are idle."""
    for partition in status.partitions:
        if partition.partition in keeping or partition.frames.held or partition.waits_for is Cause.NEW:
            yield f"partition {partition.partition}: {_position(partition)}, {_cause(partition, status)}"
    idle = [partition.partition for partition in status.partitions if partition.is_idle]
    if keeping and idle:
        noun = "partition" if len(idle) == 1 else "partitions"
        yield f"ignored while idle: {noun} {', '.join(map(str, idle))}"


def _kept_open_by(window: OpenWindow, *, is_active: bool) -> str:
    if window.is_closing:
        return "it is being closed; no partition keeps it open"
    if not window.kept_open_by and is_active:
        return f"all partitions are idle: event time advances with wall time and closes it in {window.closes_in_s:,} s"
    if not window.kept_open_by:
        return "all partitions were idle at the last commit: wall time closes it while an instance runs"
    first, *others = window.kept_open_by
    named = [f"partition {other.partition}{_to_go(other)}" for other in others[: MAX_NAMED - 1]]
    more = [f"{len(others) - len(named):,} more"] if len(others) > len(named) else []
    also = f"; also for {', '.join([*named, *more])}" if others else ""
    return (
        f"waiting for partition {first.partition}{_to_go(first)}: its event time must reach "
        f"{window.closes_at.datetime} (window end + LATENESS_S){also}"
    )


def _to_go(slow: SlowPartition) -> str:
    return " (no frame yet)" if slow.lacks_s is None else f" ({slow.lacks_s:,} s to go)"


def _position(partition: PartitionStatus) -> str:
    if partition.event_clock is None:
        return "no event time"
    last = f", last frame received {partition.read_at.datetime}" if partition.read_at is not None else ""
    return f"at {partition.event_clock.datetime}{last}"


def _cause(partition: PartitionStatus, status: Status) -> str:
    is_active = status.instance.activity is Activity.ACTIVE
    is_waited_for = is_active and not partition.is_idle
    until = f"; ignored after {status.rules.idle_s} s without frames (IDLE_S)" if is_waited_for else ""
    held = (
        f"holding {numbered(partition.frames.held, 'frame')} far ahead, from offset {partition.held_from or 0:,}, "
        "until later frames prove or refute the first"
    )
    match partition.waits_for:
        case Cause.LAG:
            oldest = f", the first received {partition.unread_at.datetime}" if partition.unread_at is not None else ""
            lag = f"lag: up to {numbered(partition.lag or 0, 'unread record')}{oldest}"
            return f"{lag}; {held}" if partition.frames.held else lag
        case Cause.TRANSACTION:
            return f"blocked by a producer's open transaction: {numbered(partition.uncommitted or 0, 'offset')} in it"
        case Cause.HELD:
            return held + until
        case Cause.EMPTY:
            return f"caught up, no frame yet{until}"
        case Cause.IDLE:
            return f"caught up{until}"
        case Cause.PAUSED:
            return "paused: too far ahead of another (ALIGN_S)"
        case Cause.NEW:
            return "new in the topic; " + ("added soon" if is_active else "the next run adds it")
        case _:
            return "end offset unknown"


def _all_read(status: Status) -> bool:
    return all(one.waits_for in (Cause.IDLE, Cause.EMPTY, Cause.HELD) for one in status.partitions)


def _time(moment: Moment | None) -> str:
    return "-" if moment is None else moment.datetime


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"
