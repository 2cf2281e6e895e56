"""Loads, rejected records and answers in words, as the page shows them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from metrics.catalogue.load.loads import OUTCOMES, Load
from metrics.catalogue.load.rejected import Rejected
from metrics.catalogue.load.text import sums
from metrics.catalogue.query.values import Form, rows_as_text
from metrics.catalogue.web.answering import Answered
from metrics.terminal.console import as_started
from metrics.text import duration, escaped, listed, numbered, percent, shortened
from metrics.times import clock
from metrics.web.glance import Condition, Glance, State, Thresholds

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
STATES = (  # of newest loads, in words, the worst first
    ("The last load of {} failed", "failed"),
    ("The last load of {} was interrupted", "interrupted"),
    ("Loading {}", "running"),
)
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


def glance(loads: Sequence[Load], thresholds: Thresholds) -> Glance:
    """Return the catalogue at a glance, by its newest loads, the newest first.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """
    if not loads:
        return Glance(state(loads, thresholds), "-", f"for example: {FIRST_COMMANDS[0]}")
    newest = loads[0]
    return Glance(
        state(loads, thresholds),
        f"{newest.read:,}",
        f"records read by the newest load, {newest.model} from {newest.source}",
    )


def state(loads: Sequence[Load], thresholds: Thresholds) -> State:
    """Return the state of the newest load of each model; the loads are the newest first.

    Args:
        thresholds: of the share of rejected records, and of those with a remark, in percent.
    """
    newest: dict[str, Load] = {}
    for load in loads:
        newest.setdefault(load.model, load)
    for words, load_state in STATES:
        models = [model for model, load in newest.items() if load.state == load_state]
        if models:
            return State(CONDITIONS[load_state], words.format(listed(models)))
    if not loads:
        return State(Condition.UNKNOWN, "Nothing loaded yet")
    worst = [_worst(load, thresholds) for load in newest.values()]
    grave = [condition for condition in (Condition.BAD, Condition.WARNING) if condition in worst]
    of_models = f"{len(worst) - worst.count(Condition.GOOD)} of {numbered(len(worst), 'model')}"
    high = f"many rejected or implausible records in {of_models}"
    return State(Condition.GOOD, "The last loads are done").but((condition, high) for condition in grave[:1])


def _worst(load: Load, thresholds: Thresholds) -> Condition:
    """Return the worst condition of the rejected records of a load, and of those with each remark."""
    numbers = (load.rejected, *(remark.number for remark in load.remarks))
    found = [thresholds.verdict_of_share(number, max(load.read, number, 1))[0] for number in numbers]
    return next((each for each in (Condition.BAD, Condition.WARNING) if each in found), Condition.GOOD)


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
        yield _marked(f"{remark.rule}: {remark.number:,}", remark.number, load, thresholds)


def _marked(text: str, number: int, load: Load, thresholds: Thresholds) -> Marked:
    """Return a number of records with its share of those read, marked if that is high."""
    if not number:
        return text, "", ""
    share = number / max(load.read, number)
    condition, _ = thresholds.verdict_of_share(number, max(load.read, number))
    icon, look = ("", "") if condition is Condition.GOOD else (condition.value, condition.name.lower())
    return f"{text} ({percent(share)})", icon, look


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
        return Figure(f"{100 * value:.2f} %", words)
    if name.endswith("_s"):
        return Figure(f"{value:,.1f} s", f"{words}: {duration(int(value))}")
    if name.endswith("_gb"):
        return Figure(f"{value:,.3f} GB", words)
    return Figure(f"{value:,}", words)
