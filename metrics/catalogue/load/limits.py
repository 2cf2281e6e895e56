"""Limits of a load: how many records may be rejected, how many may be gone at once."""

import re
from fractions import Fraction
from typing import NamedTuple

from metrics.wording.errors import SettingsError

DEFAULT = "10%"

_LIMIT = re.compile(r"(?P<number>\d+)|(?P<percent>\d+(\.\d+)?)%")


class Limit(NamedTuple):
    """A number, or a share of all.

    Attributes:
        text: as it was given: `12`, `10%`.
    """

    text: str
    number: int | None
    share: Fraction

    @classmethod
    def of(cls, option: str, text: str) -> "Limit":
        """Return the limit in an option's text.

        Raises:
            SettingsError: it is neither a number nor a percentage.
        """
        found = _LIMIT.fullmatch(text)
        if found is None or (found["percent"] and float(found["percent"]) > 100):
            raise SettingsError(f"invalid {option} {text!r}", hint="give a number, such as 12, or a share, such as 10%")
        if found["number"]:
            return cls(text, int(found["number"]), Fraction(0))
        return cls(text, None, Fraction(found["percent"]) / 100)

    def is_exceeded(self, number: int, total: int) -> bool:
        """Return whether a number of a total is more than the limit."""
        return number > (self.share * total if self.number is None else self.number)
