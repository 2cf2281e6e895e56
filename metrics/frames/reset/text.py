"""What a reset does, in words and a table: what `app.py reset-offsets` prints."""

from collections.abc import Iterator

from rich.table import Table

from metrics.frames.reset.plan import Plan
from metrics.frames.reset.state import Stretch, Stretches
from metrics.frames.status.facts import Activity
from metrics.terminal.console import say, warn
from metrics.terminal.tables import new_table, say_table
from metrics.text import in_line, numbered
from metrics.times import Moment


def show(plan: Plan) -> None:
    """Print what a reset does, and what has to be minded."""
    say(f"group            {in_line(plan.group)}, reading {plan.topic}; set to {plan.to}")
    say_table(_table(plan))
    for line in _lines(plan):
        say(line)
    for warning in warnings(plan):
        warn(warning)


def _table(plan: Plan) -> Table:
    table = new_table("partition", "position", "new position", "read again", "skipped")
    for move in plan.partitions:
        numbers = (move.position, move.new_position, move.read_again, move.skipped)
        table.add_row(f"{move.partition}", *(f"{number:,}" for number in numbers))
    table.add_row("all", "", "", f"{plan.read_again:,}", f"{plan.skipped:,}")
    return table


def _lines(plan: Plan) -> Iterator[str]:
    if not plan.has_changes:
        yield "nothing changes  the group stands there already"
        return
    if plan.closed_through is not None:
        yield f"stay             windows that end at or before {plan.closed_through.datetime}, as they are"
    yield f"published again  {_of(plan.published_again)}"
    if first := _published_first(plan):
        yield f"published first  {first}, of which no record is there"
    yield f"never published  {_of(plan.never_published)}"
    if plan.lost:
        yield f"given up         {numbered(plan.lost, 'frame')} of open windows, or held; counted as lost"


def _published_first(plan: Plan) -> str:
    """Return how many windows are published for the first time; nothing where none is, or it is not known."""
    first = plan.published_first
    if first is None or not (first.seconds or first.minutes):
        return ""
    return f"{numbered(first.seconds, 'second')}, {numbered(first.minutes, 'minute')}"


def _of(stretches: Stretches) -> str:
    parts = {"second": stretches.seconds, "minute": stretches.minutes}
    return "; ".join(_stretch(stretch, noun) for noun, stretch in parts.items() if stretch is not None) or "none"


def _stretch(stretch: Stretch, noun: str) -> str:
    windows = f"{noun}s" if stretch.windows is None else numbered(stretch.windows, noun)
    return f"{windows}, {_from(stretch.first)} {stretch.last.datetime}"


def _from(first: Moment | None) -> str:
    return "up to that of" if first is None else f"{first.datetime} to"


def warnings(plan: Plan) -> Iterator[str]:
    """Yield what has to be minded, before it is done."""
    if plan.instance.activity is Activity.ACTIVE:
        yield f"instance {plan.instance.id} is active: --execute refuses as long as it is"
    if plan.instance.activity is Activity.SILENT:
        yield f"instance {plan.instance.id} did not stop in order: if it hangs and comes back, it ends with exit code 8"
    stays = "" if plan.closed_through is None else plan.closed_through.datetime
    if not plan.is_whole:
        yield f"{plan.topic} no longer holds its first frames: counters of late and rejected frames begin anew"
    if plan.has_other_averages:
        yield (
            f"the topics of results lack windows that were published before {stays}: averages go on from "
            f"{'what the frames of these say' if plan.is_whole else 'nothing'}"
        )
    if _published_first(plan):
        yield "with windows that are published for the first time, the averages of those behind them change"
    yield from _warnings_of_twice(plan)
    if plan.skipped:
        yield "verify will call what is skipped missing: its windows, and its frames in OUTPUT_STREAM where set"


def _warnings_of_twice(plan: Plan) -> Iterator[str]:
    for topic, records in plan.twice.items():
        number = "records" if records is None else f"up to {numbered(records, 'record')}"
        yield f"{topic} will hold {number} twice; verify will call that a difference"
    if plan.twice and plan.closed_through is None:
        yield "to have each once: make these topics anew before the next run"
    elif plan.twice:
        yield "to have each once: count anew, with another CONSUMER_GROUP_ID and other topics"
