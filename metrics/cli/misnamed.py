"""Misspelt settings in the environment, such as `LATENESS` for `LATENESS_S`."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher

from metrics.settings.declared import OF_A_FILE, Declared
from metrics.settings.listing import prefixes, rows, secrets

# CONSUMER_GROUP has a likeness of 0.90, GAP_LIMIT 0.90; METRICS_PATH, which other programs use, 0.83.
_ALIKE = 0.85
# The rest of two names with units may differ more: LATENCY_S has 0.67.
_REST_ALIKE = 0.65
_SAME_LETTERS = 3  # at the beginning: PING_INTERVAL and APP_TOKEN are settings of other programs
_UNIT = re.compile(r"_(S|SEC|SECS|SECONDS|MS|MIN|MINUTES)\Z")


def misnamed(
    declared: Collection[type[Declared]], environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[str, str]]:
    """Yield each variable that looks like a declared setting but is not one, with that setting."""
    families = tuple(prefixes(declared))
    settings = [row.variable for row in rows(declared) if not row.variable.startswith(families)]
    known = {*settings, *(secret + OF_A_FILE for secret in secrets(declared))}
    for variable, text in sorted(environment.items()):
        if text and variable not in known and not variable.startswith(families):
            name = variable.upper()
            meant = [setting for setting in settings if _is_slip(name, setting)]
            if meant:
                yield variable, max(meant, key=lambda setting: _likeness(name, setting))


def _is_slip(name: str, setting: str) -> bool:
    if name[:_SAME_LETTERS] != setting[:_SAME_LETTERS]:
        return False
    if _UNIT.search(name) and _UNIT.search(setting):
        return _likeness(_UNIT.sub("", name), _UNIT.sub("", setting)) >= _REST_ALIKE
    return _likeness(name, setting) >= _ALIKE


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()
