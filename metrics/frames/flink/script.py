"""The statements that count frames on Flink, filled in from the settings and the table of window sizes."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from string import Template
from types import MappingProxyType
from typing import NamedTuple

from metrics.frames.core.windows import Series
from metrics.frames.flink import connection, fields
from metrics.frames.flink.quoting import quoted
from metrics.frames.flink.settings import FlinkSettings
from metrics.frames.records import field_names
from metrics.frames.sizes import SIZES, Counts, Size
from metrics.wording.errors import SettingsError
from metrics.wording.text import DAY_S, HOUR_S, MINUTE_S

# The zero rows of a gap are made at once. A task with a heap of 512 MB did so; a year of them is gigabytes.
MOST_GAP_S = DAY_S

# Of the seconds that a partition may be ahead of the slowest one; frames.sql says why.
MOST_AHEAD_S = 20

# Options of every sink, with the reasons for readers of the SQL.
SINK = """\
-- One task, and a prefix that never changes: a transaction that a failed attempt left open is aborted by the next one
  -- only if that uses its id (FLINK-40626); until its timeout, readers of committed records would wait for it.
  'sink.parallelism' = '1',
  'sink.delivery-guarantee' = 'exactly-once',
  -- Ids that are used again: otherwise each checkpoint makes new ones, which the broker keeps for days.
  'sink.transaction-naming-strategy' = 'pooling',
  -- The longest outage after which a checkpoint's records are still published; brokers refuse more than 15 min.
  'properties.transaction.timeout.ms' = '600000'"""

_NUMBER = {Counts.FRAMES: "COUNT(*)", Counts.USERS: "COUNT(DISTINCT uid)"}

NO_ENDS: Mapping[int, int] = MappingProxyType({})


class Begin(NamedTuple):
    """Beginning of a job that continues the application's windows, in the application's topics.

    Attributes:
        offsets: of the first frame of each partition.
        newest: event time of each partition before that frame; -1 if it had none.
        series: the windows of each size that are published, by the size in seconds.
        ends: the offset of each partition at which the job ends; empty if it does not.
    """

    offsets: Mapping[int, int]
    newest: Mapping[int, int]
    series: Mapping[int, Series]
    ends: Mapping[int, int] = NO_ENDS


def statements(
    settings: FlinkSettings,
    begin: Begin | None = None,
    *,
    parallelism: int = 1,
    until_end: bool = False,
    ends: Mapping[int, int] = NO_ENDS,
) -> list[str]:
    """Return the statements that start the job that counts, in their order; the last one starts it.

    Args:
        begin: None for the beginning of the input, and topics of Flink's own.
        until_end: whether it ends with the input, and closes every window; a `begin` has ends itself.
        ends: the offset of each partition at which it ends; without any, it ends where the input does when it starts.
    """
    return split(script(settings, begin, parallelism=parallelism, until_end=until_end, ends=ends))


def script(
    settings: FlinkSettings,
    begin: Begin | None = None,
    *,
    parallelism: int = 1,
    until_end: bool = False,
    ends: Mapping[int, int] = NO_ENDS,
) -> str:
    """Return the same statements as one text with comments."""
    shape = settings.shape()
    common = {
        "name": quoted(settings.flink_name),
        "connection": connection.options(settings),
        "sink": SINK,
        "lateness_s": settings.lateness_s,
        "gap_limit_s": settings.gap_limit_s,
    }
    source = _filled(
        template("frames.sql"),
        common,
        parallelism=parallelism,
        checkpoint_s=settings.flink_checkpoint_s,
        columns=fields.columns(shape),
        second=fields.second(shape, settings.future_limit_s),
        uid=fields.user(shape),
        lateness=interval(settings.lateness_s),
        align_s=min(settings.align_s, MOST_AHEAD_S),
        input_topic=quoted(settings.input_topic),
        progress_group=quoted(settings.progress_group(is_of_group=begin is not None)),
        bounds=bounds(begin, until_end=until_end, ends=ends if begin is None else begin.ends),
        newest=_newest(begin),
    )
    windows = [_windows(settings, size, common, begin) for size in SIZES]
    inserts = "\n".join(map(_insert, SIZES))
    return "\n".join([source, *windows, f"EXECUTE STATEMENT SET BEGIN\n{inserts}\nEND;\n"])


def require_possible(settings: FlinkSettings) -> None:
    """Check that SQL can read the fields, and that a task has the memory to fill the longest gap.

    Raises:
        SettingsError: it cannot, or may not have.
    """
    fields.columns(settings.shape())
    if settings.gap_limit_s > MOST_GAP_S:
        raise SettingsError(
            f"GAP_LIMIT_S={settings.gap_limit_s} is too long for Flink",
            why=f"the zero rows of a gap are made at once, and a task was seen to have memory for {MOST_GAP_S:,}",
            hint=f"set GAP_LIMIT_S={MOST_GAP_S}, or less, for the application as well",
        )


def restoring(place: str | None) -> list[str]:
    """Return the statement that makes a job continue from a savepoint or checkpoint; none without one."""
    if place is None:
        return []
    return [f"SET 'execution.state-recovery.path' = '{quoted(place)}'"]


def interval(seconds: int) -> str:
    """Return a duration as `INTERVAL … DAY TO SECOND` has it; `SECOND` alone takes two digits."""
    minutes, second = divmod(seconds, MINUTE_S)
    return f"{seconds // DAY_S} {seconds % DAY_S // HOUR_S:02}:{minutes % 60:02}:{second:02}"


def bounds(begin: Begin | None = None, *, until_end: bool, ends: Mapping[int, int]) -> str:
    """Return the options of a source that say where it begins and ends, as SQL."""
    return ",\n  ".join(_bounds(begin, until_end=until_end, ends=ends))


def _bounds(begin: Begin | None, *, until_end: bool, ends: Mapping[int, int]) -> Iterator[str]:
    if begin is None:
        yield "'scan.startup.mode' = 'earliest-offset'"
    else:
        yield "'scan.startup.mode' = 'specific-offsets'"
        yield f"'scan.startup.specific-offsets' = '{_offsets(begin.offsets)}'"
    if ends:
        yield "'scan.bounded.mode' = 'specific-offsets'"
        yield f"'scan.bounded.specific-offsets' = '{_offsets(ends)}'"
    elif until_end:
        yield "'scan.bounded.mode' = 'latest-offset'"


def _offsets(by_partition: Mapping[int, int]) -> str:
    return ";".join(f"partition:{number},offset:{offset}" for number, offset in sorted(by_partition.items()))


def _newest(begin: Begin | None) -> str:
    """Return the event time of the frame's partition before the job began."""
    known = [] if begin is None else [(number, newest) for number, newest in begin.newest.items() if newest >= 0]
    if not known:
        return "CAST(-1 AS BIGINT)"
    cases = " ".join(f"WHEN {number} THEN {newest}" for number, newest in sorted(known))
    return f"CAST(CASE kafka_partition {cases} ELSE -1 END AS BIGINT)"


def _windows(settings: FlinkSettings, size: Size, common: Mapping[str, object], begin: Begin | None) -> str:
    series = Series() if begin is None else begin.series[size.size_s]
    return _filled(
        template("window.sql"),
        common,
        plural=size.plural,
        size_s=size.size_s,
        interval=interval(size.size_s),
        number=_NUMBER[size.counts],
        topic=quoted(settings.flink_topic(size) if begin is None else settings.topic_of(size)),
        closed_through=series.closed_through,
        last=series.last if series.last >= 0 else "CAST(NULL AS BIGINT)",
        total=series.total,
        windows=series.windows,
    )


def _insert(size: Size) -> str:
    """Return the statement that writes the records of a size: their fields in order, as JSON."""
    values = ("start_s", "moment", f"start_s + {size.size_s}", "number", "average", "frames")
    parts: list[str] = []
    for name, value in zip(field_names(size)[:-1], values, strict=False):
        quote = '"' if value == "moment" else ""
        text = value if value in {"moment", "average"} else f"CAST({value} AS STRING)"
        parts.append(f"""'{"," if parts else "{"}"{name}":{quote}', {text}""" + (f", '{quote}'" if quote else ""))
    written_at = "TO_TIMESTAMP_LTZ(GREATEST(1000 * start_s, 1), 3)"  # a producer takes 0 for none
    record = ",\n    ".join(parts)
    return (
        f"INSERT INTO {size.plural}_out SELECT moment,\n  CONCAT(\n    {record},\n    gap, '}}'),\n"
        f"  {written_at}\nFROM {size.plural}_written;"
    )


def template(name: str) -> str:
    """Return the SQL of a file beside this one."""
    return files("metrics.frames.flink").joinpath(name).read_text()


def _filled(text: str, values: Mapping[str, object], **more: object) -> str:
    return Template(text).substitute(values, **more)


def split(text: str) -> list[str]:
    """Return the statements of a script; only a statement set, which is the last one, contains semicolons."""
    lines = "\n".join(line for line in text.split("\n") if not line.lstrip().startswith("-- ")) + "\n"
    before, opening, block = lines.partition("\nEXECUTE STATEMENT SET")
    parts = [*before.split(";\n"), opening + block]
    return [part.strip() for part in parts if part.strip()]
