"""What the charts show, as the address of the page says it: a range that moves with time, or a fixed one."""

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple
from urllib.parse import urlencode

from metrics.time.moments import Range, second_of
from metrics.wording.errors import SettingsError

PAGE = "/frames"
RANGES = {"5m": 300, "15m": 900, "1h": 3_600, "6h": 21_600, "all": None}
RANGE_NAMES = {"5m": "5 min", "15m": "15 min", "1h": "1 h", "6h": "6 h", "all": "all kept"}
DEFAULT = "15m"
SHORTEST_ZOOM_S = 5


class Choice(NamedTuple):
    """A choice of what is shown.

    Attributes:
        range: one of RANGES: the newest results of this length.
        zoom: the times that are shown instead; None if there are none.
    """

    range: str = DEFAULT
    zoom: Range | None = None

    @property
    def length_s(self) -> int | None:
        """The length of the range, in seconds; None for all that is kept."""
        return self.zoom.end - self.zoom.start if self.zoom else RANGES[self.range]

    def address(self) -> str:
        """Return the address of the page with this choice."""
        named = {"range": self.range} if self.range != DEFAULT else {}
        times = {"from": self.zoom.start, "to": self.zoom.end} if self.zoom else {}
        query = urlencode({**named, **times})
        return f"{PAGE}?{query}" if query else PAGE


def read_choice(query: Mapping[str, str], now_s: float) -> Choice:
    """Return the choice in the query of an address; what cannot be understood in it is left out."""
    name = query.get("range", "")
    return Choice(name if name in RANGES else DEFAULT, _zoom(query, now_s))


def zoom_between(begin_s: float, end_s: float) -> Range:
    """Return the whole seconds of a part of a chart, at least SHORTEST_ZOOM_S."""
    begin, end = max(0, int(begin_s)), ceil(end_s)
    return Range(begin, max(end, begin + SHORTEST_ZOOM_S))


def _zoom(query: Mapping[str, str], now_s: float) -> Range | None:
    if "from" not in query or "to" not in query:
        return None
    try:
        begin, end = (second_of(name, query[name], now_s=now_s) for name in ("from", "to"))
    except SettingsError:
        return None
    return Range(begin, end) if begin < end else None
