"""Figures, rows and sentences of the page, made from answers alone."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, get_args
from zoneinfo import ZoneInfo

from metrics.terminal.console import as_started
from metrics.views.answers.items import MediaTotals
from metrics.views.answers.similar import SimilarItem
from metrics.views.answers.trend import Trend, TrendRow, in_zone
from metrics.views.answers.words import view_time
from metrics.views.core.trend import Per, end_of_bucket
from metrics.views.web.charts import Picture
from metrics.views.web.choice import RANGES, Choice
from metrics.views.web.recent import Selected
from metrics.web.cards import Figure
from metrics.wording.text import HOUR_S, MINUTE_S, numbered

RANGE_NAMES = {
    "1h": "1 h",
    "6h": "6 h",
    "24h": "24 h",
    "7d": "7 days",
    "31d": "31 days",
    "1y": "1 year",
    "10y": "10 years",
}
STEPS = {"Earlier": "chevron_left", "Later": "chevron_right", "Newest": "last_page"}
FIRST_COMMANDS = (
    as_started("python app.py views generate data/views.jsonl"),
    as_started("python app.py views send data/views.jsonl"),
)


def title(choice: Choice) -> str:
    """Return the heading of what is selected."""
    return "All items" if choice.media is None else f"Item {choice.media}"


def per_addresses(choice: Choice) -> Mapping[str, str]:
    """Return the addresses of the sizes of rows."""
    return {per: choice.change(per=per).address() for per in get_args(Per)}


def range_addresses(choice: Choice) -> Mapping[str, str]:
    """Return the addresses of the ranges that the size of rows has."""
    return {name: choice.change(range=name).address() for name in RANGES[choice.per]}


class Top(NamedTuple):
    """The first items, as rows of a table, with a sentence; and commands if there are none."""

    words: str
    commands: Sequence[str]
    rows: Sequence[Mapping[str, object]]


class Listed(NamedTuple):
    """Rows of a table, with a sentence above them."""

    words: str
    rows: Sequence[Mapping[str, object]]


class Trending(NamedTuple):
    """A trend, as the page shows it.

    Attributes:
        steps: addresses of the ranges that can be moved to, by the names in STEPS.
        picture: None if there is nothing to draw.
    """

    totals: Sequence[Figure]
    words: str
    steps: Mapping[str, str]
    picture: Picture | None


def top(items: Sequence[MediaTotals], choice: Choice) -> Top:
    """Return the first items of the chosen order."""
    if not items:
        return Top("No view events counted yet. Generate some, and send them:", FIRST_COMMANDS, ())
    most = max(item.view_time for item in items)
    return Top("", (), [_media_row(item, items[0], most, choice) for item in items])


def _media_row(item: MediaTotals, first: MediaTotals, most: int, choice: Choice) -> dict[str, object]:
    numbers = {"viewers": item.viewers, "starts": item.starts, "stops": item.stops, "ends": item.ends}
    return {
        "id": item.media_id,  # as text: the browser's numbers have 53 bits
        "href": choice.change(media=int(item.media_id), to=None).address(),
        "chosen": item.media_id == f"{choice.media}",
        "view_time": view_time(item.view_time, most),
        "share": _share(getattr(item, choice.order), getattr(first, choice.order)),
    } | {name: f"{number:,}" for name, number in numbers.items()}


def _share(number: float, of: float) -> str | None:
    """Return the length of a bar; None if there is nothing to compare with."""
    return f"{100 * number / of:.1f}%" if of > 0 else None


def trending(selected: Selected, choice: Choice, now: int) -> Trending:
    """Return a trend in words, and as a picture.

    Args:
        now: wall time, in seconds since the epoch.
    """
    trend = selected.trend
    if trend is None:
        return Trending((), f"No event about item {choice.media} was counted yet.", {}, None)
    picture = Picture.of(choice.per, trend.rows) if trend.rows else None
    words = " ".join(filter(None, (_range_in_words(trend), _minutes_in_words(trend), _later_in_words(trend, choice))))
    return Trending([*_totals(selected.totals)], words, dict(_steps(trend, choice, now)), picture)


def _totals(item: MediaTotals | None) -> Iterator[Figure]:
    if item is not None:
        yield Figure("view time", view_time(item.view_time), "")
        for name in ("viewers", "starts", "stops", "ends"):
            yield Figure(name, f"{getattr(item, name):,}", "")


def _range_in_words(trend: Trend) -> str:
    rows = trend.rows
    if not rows:
        return "No events in this range."
    first, last = _start(trend.per, rows[0]), _last(trend)
    most = max(rows, key=lambda row: row.view_time)
    last = last.removeprefix(f"{first[:10]} ")
    between = f"{first} to {last}" if len(rows) > 1 else first
    text = f"{between}: {view_time(sum(row.view_time for row in rows))} viewed"
    starts = numbered(sum(row.starts for row in rows), "start")
    peak = (
        f"; most at {_start(trend.per, most)}: {view_time(most.view_time)}" if len(rows) > 1 and most.view_time else ""
    )
    return f"{text}, {starts}{peak}."


def _minutes_in_words(trend: Trend) -> str:
    if trend.has_earlier or trend.minutes_since is None:
        return ""
    return f"Minutes before {trend.minutes_since[:10]} are not kept; hours are."


def _later_in_words(trend: Trend, choice: Choice) -> str:
    if trend.later_until is None or choice.to is not None:
        return ""
    return f"There are later events, the last before {_time(trend.per, trend.later_until)}."


def _start(per: Per, row: TrendRow) -> str:
    return _time(per, row.start)


def _last(trend: Trend) -> str:
    """Return the last day, or the end of the last row if that is an hour or a minute."""
    last = trend.rows[-1]
    if trend.per == "day":
        return _start(trend.per, last)
    zone = ZoneInfo(trend.time_zone)
    second = int(datetime.fromisoformat(last.start).timestamp())
    return _time(trend.per, in_zone(end_of_bucket(trend.per, zone, second), zone))


def _time(per: Per, text: str) -> str:
    """Return a time without seconds and offset, which the time zone says."""
    return text[:10] if per == "day" else text[:16].replace("T", " ")


def _steps(trend: Trend, choice: Choice, now: int) -> Iterator[tuple[str, str]]:
    if trend.has_earlier:
        first = datetime.fromisoformat(trend.rows[0].start)
        yield "Earlier", choice.change(to=int(first.timestamp())).address()
    if choice.to is not None and choice.to < now:
        later = _later(choice.to, choice)
        yield "Later", choice.change(to=later if later < now else None).address()
    elif trend.later_until is not None:
        last = datetime.fromisoformat(trend.later_until)
        yield "Later", choice.change(to=int(last.timestamp())).address()
    if choice.to is not None:
        yield "Newest", choice.change(to=None).address()


def _later(second: int, choice: Choice) -> int:
    """Return the time that is a range later; by the calendar if its rows are days, which may have 23 or 25 hours."""
    if choice.per == "day":
        begin = datetime.fromtimestamp(second, ZoneInfo(choice.zone))
        return int((begin + timedelta(days=choice.rows)).timestamp())
    return second + choice.rows * {"minute": MINUTE_S, "hour": HOUR_S}[choice.per]


def viewers(selected: Selected) -> Listed | None:
    """Return the viewers of an item as rows; None if there is no item."""
    item = selected.totals
    if item is None:
        return None
    first = selected.viewers[0].view_time if selected.viewers else 0
    rows = [
        {"id": each.user_id, "view_time": view_time(each.view_time, first), "share": _share(each.view_time, first)}
        for each in selected.viewers
    ]
    if not rows:
        return Listed("No one has watched 30 s of it yet.", ())
    return Listed(f"The {len(rows)} of {item.viewers:,} who watched longest" if item.viewers > len(rows) else "", rows)


def similar(found: Sequence[SimilarItem] | None, choice: Choice) -> Listed | None:
    """Return the items that are similar to the selected one as rows; None if there is no item."""
    if found is None:
        return None
    if not found:
        return Listed("Nothing to compare: all users watched it for equally long, or there is no other.", ())
    rows = [
        {
            "id": item.media_id,
            "href": choice.change(media=int(item.media_id), to=None).address(),
            "score": f"{item.score:+.3f}",
            "share": _share(max(0, item.score), 1),
            "common": f"{item.common:,}",
        }
        for item in found
    ]
    return Listed("By the correlation of view times of all users; may be 10 s old", rows)
