"""Loads, rejected records and answers in words, as the page shows them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from metrics.catalogue.load.loads import OUTCOMES, Load
from metrics.catalogue.load.rejected import Rejected
from metrics.catalogue.load.remarks import RULES
from metrics.catalogue.load.text import sums
from metrics.catalogue.query.values import Form, rows_as_text
from metrics.catalogue.web.answering import Answered
from metrics.catalogue.web.recent import Newest
from metrics.terminal.console import as_started
from metrics.time.moments import clock
from metrics.web.glance import Condition, Glance, State, Thresholds, worst
from metrics.wording.text import duration, escaped, listed, numbered, percent, shortened

ICONS = {
    "running": "autorenew",
    "done": "check_circle",
    "failed": "error",
    "interrupted": "cancel",
}
CONDITIONS = {
    "running": Condition.GOOD,
    "done": Condition.GOOD,
    "failed": Condition.BAD,
    "interrupted": Condition.WARNING,
}
STATES = (  # of newest loads, in words, the worst last
    ("Loading {}", "running"),
    ("The last load of {} was interrupted", "interrupted"),
    ("The last load of {} failed", "failed"),
)
OF_RECORDS = {rule.rule for rule in RULES}  # other remarks are on files
NUMBERS = ("read", *OUTCOMES, "gone")
CUT_AT = 100  # characters of a rejected record
FIRST_COMMANDS = (
    as_started("python app.py catalogue generate data/catalogue"),
    as_started("python app.py catalogue load --model movie --config data/catalogue/internal/movies.csv"),
)


Marked = tuple[str, str, str]
"""A text, with an icon before it and the class of its colour if it needs attention; both are empty otherwise."""


class Figure(NamedTuple):
    """One value of an answer: a number with its unit, and its meaning."""

    number: str
    meaning: str


def glance(newest: Newest, thresholds: Thresholds) -> Glance:
    """Return the catalogue at a glance.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """
    shown = state(newest.by_model, thresholds)
    if not newest.loads:
        return Glance(shown, "-", f"for example: {FIRST_COMMANDS[0]}")
    last = newest.loads[0]
    return Glance(shown, f"{last.read:,}", f"records read by the newest load, {last.model} from {last.source}")


def state(newest: Sequence[Load], thresholds: Thresholds) -> State:
    """Return the state of the newest loads, one of each model.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """
    if not newest:
        return State(Condition.UNKNOWN, "Nothing loaded yet")
    shown = State(Condition.GOOD, "The last loads are done")
    for words, load_state in STATES:
        models = [load.model for load in newest if load.state == load_state]
        if models:
            shown = State(CONDITIONS[load_state], words.format(listed(models)))
    conditions = [_worst(load, thresholds) for load in newest]
    of_models = f"{len(newest) - conditions.count(Condition.GOOD)} of {numbered(len(newest), 'model')}"
    return shown.but([(worst(conditions), f"many rejected or implausible records in {of_models}")])


def _worst(load: Load, thresholds: Thresholds) -> Condition:
    """Return the worst condition of the rejected records of a load, and of those with each remark."""
    numbers = (load.rejected, *(remark.number for remark in load.remarks if remark.rule in OF_RECORDS))
    return worst(thresholds.verdict_of_share(number, load.read)[0] for number in numbers)


def load_row(load: Load, now: datetime, thresholds: Thresholds) -> dict[str, object]:
    """Return a load as a row of the table.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """
    assert load.started_at is not None, "each load was started"
    return {
        "id": load.id,
        "started": clock(int(load.started_at.timestamp()), int(now.timestamp())),
        "model": load.model,
        "state": load.state,
        "icon": ICONS[load.state],
        "source": load.source,
        "sums": _sums(load),
        "notes": [*_notes(load, thresholds)],
        **{name: f"{getattr(load, name):,}" for name in NUMBERS},
        "rejected": _marked(f"{load.rejected:,}", load.rejected, load, thresholds),
    }


def _sums(load: Load) -> str:
    """Return the outcomes of the records; unless the load is done, only how many were read and rejected."""
    return sums(load) if load.state == "done" else f"read {load.read:,}, {load.rejected:,} of them rejected"


def _notes(load: Load, thresholds: Thresholds) -> Iterator[Marked]:
    """Yield notes on a load: why it failed, the rows that are gone, and its remarks."""
    if load.error:
        yield load.error.splitlines()[0], "", ""
    if load.is_snapshot:
        yield f"{load.gone:,} gone, {load.returned:,} returned", "", ""
    for remark in load.remarks:
        text = f"{remark.rule}: {remark.number:,}"
        is_of_records = remark.rule in OF_RECORDS
        yield _marked(text, remark.number, load, thresholds) if is_of_records else (text, "", "")


def _marked(text: str, number: int, load: Load, thresholds: Thresholds) -> Marked:
    """Return a number of records with its share of those read, marked if that is high."""
    if not number or not load.read:
        return text, "", ""
    condition, _ = thresholds.verdict_of_share(number, load.read)
    icon, look = (condition.value, condition.name.lower()) if condition.is_grave else ("", "")
    return f"{text} ({percent(number / load.read)})", icon, look


def rejected_row(record: Rejected) -> dict[str, object]:
    """Return a rejected record as a row of the table."""
    return {
        "id": record.id,
        "load": record.load_id,
        "model": record.model,
        "position": record.position,
        "detail": record.detail,
        "record": shortened(escaped(record.record), CUT_AT),
    }


def retries(records: Sequence[Rejected], at_most: int = 3) -> Sequence[str]:
    """Return the commands that try rejected records again, of the newest loads."""
    loads = dict.fromkeys((record.load_id, record.model) for record in records)
    return [
        as_started(f"python app.py catalogue load --model {model} --rejected-of {load_id}")
        for load_id, model in [*loads][:at_most]
    ]


def figures(answered: Answered) -> Sequence[Figure]:
    """Return the values in the first row of an answer."""
    texts = rows_as_text(answered.columns, answered.rows[:1])
    return [
        _figure(column.name, text, is_number=column.form is Form.NUMBER)
        for row in texts
        for column, text in zip(answered.columns, row, strict=True)
    ]


def _figure(name: str, text: str, *, is_number: bool) -> Figure:
    """Return a value with its unit, which is the end of its column's name: `mean_session_s`."""
    words = name.removesuffix("_s").removesuffix("_gb").replace("_", " ")
    if text == "":
        return Figure("none", words)
    if not is_number:
        return Figure(text, words)
    value = Decimal(text)
    if name == "share":
        return Figure(f"{100 * value:.2f}%", words)
    if name.endswith("_s"):
        return Figure(f"{value:,.1f} s", f"{words}: {duration(int(value))}")
    if name.endswith("_gb"):
        return Figure(f"{value:,.3f} GB", words)
    return Figure(f"{value:,}", words)
