"""Output of `reset-offsets`: the effect of a reset as a table and text."""

from collections.abc import Iterator, Mapping

from rich.table import Table

from metrics.frames.reset.plan import Plan, WindowRange
from metrics.frames.sizes import SIZES, Size
from metrics.frames.status.facts import Activity
from metrics.terminal.console import say, warn
from metrics.terminal.tables import new_table, say_table
from metrics.time.moments import Moment, rfc3339
from metrics.wording.text import in_line, numbered


def show(plan: Plan) -> None:
    """Print the effect of a reset, and its warnings."""
    say(f"group            {in_line(plan.group)}, reading {plan.topic}; moves to {plan.to}")
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
        yield "no change        the group already has this position"
        return
    if stays := min(_second(plan.closed_before), _second(plan.closed_through)):
        yield f"unchanged        windows that end at or before {rfc3339(stays)}"
    if again := _windows(plan.published_again):
        yield f"published again  {again}"
    if never := _windows(plan.never_published):
        yield f"never published  {never}: they lack skipped frames"
    since = "all windows" if plan.averages_since is None else f"the windows since {plan.averages_since.datetime}"
    yield f"averages         and counters will run over {since}"
    if plan.lost:
        yield f"lost             {numbered(plan.lost, 'frame')} of open windows, or held"


def _windows(ranges: Mapping[str, WindowRange | None]) -> str:
    return "; ".join(_range(size, found) for size in SIZES if (found := ranges[size.plural]) is not None)


def _range(size: Size, found: WindowRange) -> str:
    noun, last = f"one-{size.name} window", found.last.datetime
    windows = f"{noun}s" if found.windows is None else numbered(found.windows, noun)
    if found.first is None:
        return f"{windows} until {last}"
    return f"{windows}, {last}" if found.first == found.last else f"{windows}, {found.first.datetime} to {last}"


def _second(moment: Moment | None) -> int:
    return 0 if moment is None else moment.timestamp


def warnings(plan: Plan) -> Iterator[str]:
    """Yield warnings to read before executing the reset."""
    if plan.instance.activity is Activity.ACTIVE:
        yield f"instance {plan.instance.id} is active: --execute is refused until it stops"
    if plan.instance.activity is Activity.SILENT:
        yield f"instance {plan.instance.id} did not stop cleanly: if it only hangs, it will end with exit code 8"
    if not plan.is_whole:
        yield f"{plan.topic} no longer has its first frames: windows that lack one are not published again"
    if plan.twice:
        topics = (name if most is None else f"{name} (up to {most:,})" for name, most in plan.twice.items())
        yield f"{', '.join(topics)} will contain records twice; verify reports their windows as doubled"
        if plan.closed_through is None and not any(move.new_position for move in plan.partitions):
            yield "to have each once: delete and recreate these topics before the next run"
        else:
            yield "to have each once: count again with another CONSUMER_GROUP_ID and other topics"
    if plan.replayed:
        yield (
            f"replayed frames (rejected replay) are in the topic twice: {numbered(plan.replayed, 'frame')} to be read "
            "again will count twice if valid by the settings of the next run"
        )
    if plan.skipped:
        yield "verify will report skipped windows as missing, and skipped frames in OUTPUT_STREAM if set"
