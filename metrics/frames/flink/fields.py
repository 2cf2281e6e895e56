"""The time and the user of a frame in SQL: the columns of the source, and the expressions that read them."""

from collections.abc import Mapping
from string import Template

from metrics.frames.core.shape import UNITS, Shape, TsFormat, path_of
from metrics.time.moments import LAST_SECOND
from metrics.wording.errors import SettingsError

OWN_COLUMNS = frozenset({"kafka_partition", "kafka_timestamp", "frame_time", "frame_arrival"})
"""Columns of the source besides those of the frame."""

NUMBER = "-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?"
"""Regular expression of a number as JSON has it, but for leading zeros, which text may have."""

# In 2001, when seconds got their tenth digit; the eleventh comes in 2286.
_USUAL_LEAST_S = 1_000_000_000

# Members of an object, by name; None is one that is read.
_Members = dict[str, "_Members | None"]

_JUDGED = """CASE WHEN ${time} <= LEAST(${last_second}, EXTRACT(EPOCH FROM kafka_timestamp) + ${future_limit_s})
          THEN ${time} END"""

# Each kind of time: the condition that it is one, which no time before the epoch meets, and its second.
# Most need no regular expression: a text that is no longer than the digits of its number has nothing else.
_USUAL = (
    "CHAR_LENGTH(${ts}) = ${usual_length} AND TRY_CAST(${ts} AS BIGINT) >= ${usual_least}",
    "TRY_CAST(${ts} AS BIGINT)${per_second}",
)
# Leading zeros do not count. No negative number is a time, but -0.
_WHOLE = ("REGEXP(${ts}, '^(-0+|0*[0-9]{1,${digits}})$$')", "TRY_CAST(${ts} AS BIGINT)${per_second}")
_FRACTION = (
    f"REGEXP(${{ts}}, '^{NUMBER}$$') AND TRY_CAST(${{ts}} AS DOUBLE) >= 0",
    "CAST(FLOOR(TRY_CAST(${ts} AS DOUBLE)) AS BIGINT)${per_second}",
)
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = "([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.,][0-9]+)?)?"
_OFFSET = "([Zz]|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?"
# The cast refuses days that no calendar has.
_ISO8601_SECOND = """(EXTRACT(EPOCH FROM TRY_CAST(CONCAT(
          SUBSTRING(${ts} FROM 1 FOR 10), ' ', SUBSTRING(${ts} FROM 12 FOR 5),
          CASE WHEN SUBSTRING(${ts} FROM 17 FOR 1) = ':' THEN SUBSTRING(${ts} FROM 17 FOR 3) ELSE ':00' END
        ) AS TIMESTAMP(0)))
        - CASE WHEN REGEXP(${ts}, '-[0-9:]{2,5}$$') THEN -60 ELSE 60 END * (
          60 * COALESCE(TRY_CAST(REGEXP_EXTRACT(${ts}, '[+-]([0-9]{2}):?([0-9]{2})?$$', 1) AS INT), 0)
          + COALESCE(TRY_CAST(REGEXP_EXTRACT(${ts}, '[+-]([0-9]{2}):?([0-9]{2})?$$', 2) AS INT), 0)))"""
_ISO8601 = (f"REGEXP(${{ts}}, '^{_DATE}[Tt ]{_TIME}{_OFFSET}$$') AND {_ISO8601_SECOND} >= 0", _ISO8601_SECOND)
_RECORDED = ("EXTRACT(EPOCH FROM kafka_timestamp) >= 0", "EXTRACT(EPOCH FROM kafka_timestamp)")


def columns(shape: Shape) -> str:
    """Return the columns of the source that the time and the user are in.

    Raises:
        SettingsError: SQL cannot have such columns.
    """
    tree: _Members = {}
    read = {"UID_FIELD": shape.uid_field}
    if shape.ts_format is not TsFormat.KAFKA:
        read = {"TS_FIELD": shape.ts_field, **read}
    for setting, field in read.items():
        _require_names(setting, field)
        *outer, name = path_of(field)
        members = tree
        for each in outer:
            inner = members.setdefault(each, {})
            if inner is None:
                raise _not_in_sql(setting, field, "the other field is an object that this one is in")
            members = inner
        if members.setdefault(name, None) is not None:
            raise _not_in_sql(setting, field, "it is an object that the other field is in")
    return ",\n  ".join(f"{_quoted(name)} {_type(members)}" for name, members in tree.items())


def user(shape: Shape) -> str:
    """Return the user of a frame."""
    return ".".join(map(_quoted, path_of(shape.uid_field)))


def second(shape: Shape, future_limit_s: int) -> str:
    """Return the second of a frame since the epoch: null if it is none, or far ahead of its Kafka timestamp."""
    values = {
        "ts": ".".join(map(_quoted, path_of(shape.ts_field))),
        "uid": user(shape),
        "last_second": LAST_SECOND,
        "future_limit_s": future_limit_s,
    }
    if shape.ts_format in UNITS:
        unit = UNITS[shape.ts_format]
        values["digits"] = len(str(LAST_SECOND * unit))
        values["per_second"] = "" if unit == 1 else f" / {unit}"
        values["usual_least"] = _USUAL_LEAST_S * unit
        values["usual_length"] = len(str(_USUAL_LEAST_S * unit))
        kinds = [_USUAL, _WHOLE, _FRACTION]
    else:
        kinds = [_RECORDED if shape.ts_format is TsFormat.KAFKA else _ISO8601]
    cases = "".join(_case(is_one, time, values) for is_one, time in kinds)
    return _filled("CASE WHEN ${uid} <> '' THEN\n    CASE", values) + f"{cases}\n    END END"


def _case(is_one: str, time: str, values: Mapping[str, object]) -> str:
    judged = _filled(_JUDGED, {**values, "time": _filled(time, values)})
    return f"\n      WHEN {_filled(is_one, values)} THEN\n        {judged}"


def _filled(text: str, values: Mapping[str, object]) -> str:
    return Template(text).substitute(values)


def _quoted(name: str) -> str:
    """Return a name as SQL."""
    return f"`{name.replace('`', '``')}`"


def _type(members: _Members | None) -> str:
    if members is None:
        return "STRING"
    return f"ROW<{', '.join(f'{_quoted(name)} {_type(inner)}' for name, inner in members.items())}>"


def _require_names(setting: str, field: str) -> None:
    names = path_of(field)
    if names[0] in OWN_COLUMNS:
        raise _not_in_sql(setting, field, "the SQL has a column of this name itself")
    if "" in names:
        raise _not_in_sql(setting, field, "a column needs a name that is not empty")
    if any(name.isdecimal() for name in names[1:]):
        raise _not_in_sql(setting, field, "it is in an array, or in an object whose names are numbers")


def _not_in_sql(setting: str, field: str, why: str) -> SettingsError:
    return SettingsError(
        f"{setting}={field} cannot be read on Flink",
        why=why,
        hint="count these frames with `python app.py`, or have the field written elsewhere",
    )
