"""Misspelt settings in the environment, such as `LATENESS` for `LATENESS_S`."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher

from metrics.settings import Declared, prefixes, rows

# CONSUMER_GROUP has a likeness of 0.90, GAP_LIMIT 0.90; METRICS_PATH, which other programs use, 0.83.
_ALIKE = 0.85
# One long word of several may differ more: LATENCY_S has 0.67. Short ones are alike by chance: APP, API.
_WORD_ALIKE = 0.6
_LONG_WORD = 6
_UNIT = re.compile(r"_(S|SEC|SECS|SECONDS|MS|MIN|MINUTES)\Z")


def misnamed(
    declared: Collection[type[Declared]], environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, str]]:
    """Yield each variable that looks like a declared setting but is not one, with that setting."""
    families = tuple(prefixes(declared))
    settings = [row.variable for row in rows(declared) if not row.variable.startswith(families)]
    for variable, text in sorted(environment.items()):
        if text and variable not in settings and not variable.startswith(families):
            name = variable.upper()
            meant = [setting for setting in settings if _is_slip(name, setting)]
            if meant:
                yield variable, max(meant, key=lambda setting: _likeness(name, setting))


def _is_slip(name: str, setting: str) -> bool:
    """Return whether a name is a misspelling of a setting; these keep the first letter."""
    if name[:1] != setting[:1]:
        return False
    words = list(zip(name.split("_"), setting.split("_"), strict=False))
    if name.count("_") != setting.count("_"):
        return _likeness(name, setting) >= _ALIKE
    others = [(one, other) for one, other in words if one != other]
    return not others or _are_units(name, setting) or (len(others) == 1 < len(words) and _is_slip_of_word(*others[0]))


def _are_units(name: str, setting: str) -> bool:
    """Return whether two names differ only in their unit: IDLE_SECONDS and IDLE_S."""
    return _UNIT.search(name) is not None and _UNIT.sub("", name) == _UNIT.sub("", setting)


def _is_slip_of_word(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) >= _LONG_WORD:
        return _likeness(one, other) >= _WORD_ALIKE
    return longer in {f"{shorter}S", f"{shorter}ED"}


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
