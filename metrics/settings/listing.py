"""Lists of settings, for `--help` and the table in the docs."""

from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields
from typing import Any, NamedTuple

from metrics.settings.declared import ANY_TEXT, Declared, allowed, extra, metas


class SettingRow(NamedTuple):
    """A setting in words."""

    variable: str
    default: str
    allowed: str
    meaning: str


def rows(declared: Iterable[type[Declared]]) -> Iterator[SettingRow]:
    """Yield every setting of these classes once, as first declared, in the order of declaration."""
    first: dict[str, Field[Any]] = {}
    for field in (field for kind in declared for field in fields(kind)):
        first.setdefault(field.name, field)
    for field in first.values():
        family = extra(field, "family")
        variable = field.name.upper() if family is None else f"{family.prefix}…"
        default = "unset" if field.default is None or field.default is MISSING else f"{field.default}"
        yield SettingRow(variable, default, allowed(field), _meaning(field))


def secrets(declared: Iterable[type[Declared]]) -> Iterator[str]:
    """Yield the variables of these classes whose values are never shown."""
    for field in (field for kind in declared for field in fields(kind)):
        if extra(field, "is_secret"):
            yield field.name.upper()


def prefixes(declared: Iterable[type[Declared]]) -> set[str]:
    """Return the prefixes of the families of these classes."""
    families = (extra(field, "family") for kind in declared for field in fields(kind))
    return {family.prefix for family in families if family is not None}


def help_text(declared: Iterable[type[Declared]]) -> str:
    """Return the settings as `--help` lists them, in Markdown, with defaults and allowed values."""
    lines = ["**Settings**, by environment variables, with their defaults; `API_TOKEN_FILE=…` reads a secret:", ""]
    for row in rows(declared):
        allowed = "" if row.allowed == ANY_TEXT else f" *Allowed: {row.allowed}.*"
        lines.append(f"- `{row.variable}` ({row.default}): {row.meaning}{allowed}")
    return "\n".join(lines)


def _meaning(field: Field[Any]) -> str:
    return next(meta.description for meta in metas(field.type) if meta.description)
