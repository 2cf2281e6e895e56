"""The choice of what the page shows: it is in the address, so it can be shared, and the back button works."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, get_args
from urllib.parse import urlencode

from metrics.time.moments import rfc3339, second_of
from metrics.time.zones import UTC, zone_of
from metrics.views.answers.items import Order
from metrics.views.core.event import MAX_ID
from metrics.views.core.trend import Per
from metrics.wording.errors import SettingsError

RANGES: Mapping[Per, Mapping[str, int]] = {
    "minute": {"1h": 60, "6h": 360, "24h": 1_440},
    "hour": {"24h": 24, "7d": 168, "31d": 744},
    "day": {"31d": 31, "1y": 366, "10y": 3_653},
}
"""The ranges of a trend, each with its number of rows."""

PAGE = "/views"


class Choice(NamedTuple):
    """A choice of what a browser shows.

    Attributes:
        media: the selected item; None for all media together.
        range: a key of RANGES[per].
        to: end of the trend, in seconds since the epoch; None for the newest event.
        zone: name of the trend's time zone.
        order: of the top items.
    """

    media: int | None = None
    per: Per = "hour"
    range: str = "7d"
    to: int | None = None
    zone: str = UTC
    order: Order = "view_time"

    @property
    def rows(self) -> int:
        """Maximum number of rows of the trend."""
        return RANGES[self.per][self.range]

    def address(self) -> str:
        """Return the page's address with this choice; what is the default is left out."""
        given = {name: text for name, text in self._texts().items() if text != DEFAULT._texts()[name]}
        return f"{PAGE}?{urlencode(given, safe='/:')}" if given else PAGE

    def csv_address(self) -> str:
        """Return the address of the chosen trend as CSV."""
        path = f"{PAGE}/trend" if self.media is None else f"{PAGE}/media/{self.media}/trend"
        given = {"per": self.per, "limit": f"{self.rows}", "tz": self.zone}
        given |= {} if self.to is None else {"to": rfc3339(self.to)}
        return f"{path}?{urlencode(given | {'format': 'csv'}, safe='/:')}"

    def change(self, **changed: Any) -> "Choice":
        """Return another choice; a range that its `per` does not have becomes the middle one of those it has."""
        choice = self._replace(**changed)
        ranges = [*RANGES[choice.per]]
        return choice if choice.range in ranges else choice._replace(range=ranges[1])

    def _texts(self) -> dict[str, str]:
        media = "" if self.media is None else f"{self.media}"
        to = "" if self.to is None else rfc3339(self.to)
        return {"media": media, "per": self.per, "range": self.range, "to": to, "tz": self.zone, "order": self.order}


DEFAULT = Choice()


class Read(NamedTuple):
    """A choice as an address has it.

    Attributes:
        wrong: what the address has that cannot be shown, in words; the choice has the default instead.
    """

    choice: Choice
    wrong: tuple[str, ...]


def read_choice(query: Mapping[str, str], now_s: float) -> Read:
    """Return the choice of an address.

    Args:
        now_s: wall time, in seconds since the epoch.
    """
    choice, wrong = DEFAULT, list[str]()
    fields = _FIELDS | {"to": ("to", partial(second_of, "end", now_s=now_s))}
    for name, text in query.items():
        field, read = fields.get(name, (name, None))
        if read is None:
            continue
        try:
            choice = choice._replace(**{field: read(text)})
        except SettingsError as error:
            wrong.append(f"{name}: {error.what}")
    if "range" in query and query["range"] not in RANGES[choice.per]:
        wrong.append(f"range: {_one_of(RANGES[choice.per], query['range'])}")
    return Read(choice.change(), tuple(wrong))


def media_of(text: str) -> int:
    """Return a MediaId.

    Raises:
        SettingsError: it is not one.
    """
    digits = text.strip()
    if digits.isdecimal() and digits.isascii():
        with suppress(ValueError):  # of more than 4,300 digits
            if (media := int(digits)) <= MAX_ID:
                return media
    raise SettingsError(f"a MediaId is a whole number, 0 to {MAX_ID}, not {text[:40]!r}")


def _per_of(text: str) -> str:
    return _known(get_args(Per), text)


def _order_of(text: str) -> str:
    return _known(get_args(Order), text)


def _zone_of(text: str) -> str:
    return zone_of(text).key


def _known(known: tuple[str, ...], text: str) -> str:
    if text not in known:
        raise SettingsError(_one_of(known, text))
    return text


def _one_of(known: Any, text: str) -> str:
    return f"one of {', '.join(known)}, not {text[:40]!r}"


_FIELDS: dict[str, tuple[str, Any]] = {
    "media": ("media", media_of),
    "per": ("per", _per_of),
    "range": ("range", str),
    "tz": ("zone", _zone_of),
    "order": ("order", _order_of),
}
