"""The declaration of settings, and how they are read from the environment and checked."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import msgspec
from msgspec import Meta

from metrics.settings.values import Secret
from metrics.wording.errors import SettingsError

ANY_TEXT = "any text"

OF_A_FILE = "_FILE"
"""The end of a variable that names a file with a secret, as Docker and Kubernetes mount them."""

# Kubernetes sets METRICS_PORT to such a URL if there is a Service called metrics; it is not meant as a setting.
_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")


class Family(NamedTuple):
    """A family of variables with one prefix that fill one field, a dictionary; their names are not known here.

    Attributes:
        prefix: of the variables.
        read: takes the environment; returns the field's value, and a line for each invalid variable.
    """

    prefix: str
    read: Callable[[Mapping[str, str]], tuple[dict[str, str], list[str]]]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Settings of one package, a field each.

    A field is annotated with a `Meta`: its description is the meaning; `extra` may have the keys

    - `allowed`: the allowed values in words;
    - `is_allowed`: a check that the type cannot express;
    - `is_secret`: true for a value that is never shown; the variable with `_FILE` after its name may name a file
      that contains it;
    - `shown`: what an error shows of a wrong value;
    - `family`: a `Family`, for a field that is not filled by a variable of its name.

    The default None means that the variable may be left unset.
    """

    def __post_init__(self) -> None:
        for field in fields(self):
            text = getattr(self, field.name)
            if isinstance(text, str) and extra(field, "is_secret"):
                object.__setattr__(self, field.name, Secret(text))

    @classmethod
    def load(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read these settings from environment variables; an empty variable counts as unset.

        Raises:
            SettingsError: one error that names every invalid variable, its value and the allowed values.
        """
        given: dict[str, Any] = {}
        wrong: list[str] = []
        refused: set[str] = set()
        for field in fields(cls):
            variable = field.name.upper()
            family = extra(field, "family")
            if family is not None:
                given[field.name], wrong_members = family.read(environment)
                wrong += wrong_members
                continue
            try:
                text = _text(variable, field, environment)
                if text is not None:
                    given[field.name] = _converted(text, variable, field)
            except WrongValueError as error:
                refused.add(variable)
                wrong.append(str(error))
        settings = cls(**given)
        wrong += settings.conflicts(refused)
        if wrong:
            raise SettingsError(
                "the settings cannot be used", why="\n".join(wrong), hint="correct the variables, or unset them"
            )
        return settings

    def conflicts(self, refused: Set[str]) -> Iterator[str]:  # noqa: ARG002  # for subclasses
        """Yield a line for each setting that conflicts with another.

        Args:
            refused: variables whose own values are invalid; these settings have their defaults.
        """
        yield from ()


class WrongValueError(Exception):
    """A variable that cannot be used, in one line."""


def read_secret(variable: str, environment: Mapping[str, str]) -> str:
    """Return a secret: the text of its variable, or of the file that `…_FILE` names; empty if it is unset.

    Raises:
        WrongValueError: both are set; or the file cannot be read, or is empty.
    """
    text = environment.get(variable, "")
    file_variable = variable + OF_A_FILE
    path = environment.get(file_variable, "")
    if not path:
        return text
    if text:
        raise WrongValueError(f"{variable} and {file_variable} are both set: unset one of them")
    try:
        text = Path(path).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise WrongValueError(f"{file_variable}={path!r}: cannot be read: {why}") from None
    if not text:
        raise WrongValueError(f"{file_variable}={path!r}: is empty")
    return text


def _text(variable: str, field: Field[Any], environment: Mapping[str, str]) -> str | None:
    """Return the text of a variable, or of the file that holds a secret; None if it is unset."""
    if extra(field, "is_secret"):
        return read_secret(variable, environment) or None
    text = environment.get(variable, "")
    is_unset = not text or (variable.endswith("_PORT") and _OF_A_SERVICE.match(text))
    return None if is_unset else text


def _converted(text: str, variable: str, field: Field[Any]) -> Any:
    """Return a variable's text, converted to the type of its field."""
    is_allowed = extra(field, "is_allowed")
    try:
        value = msgspec.convert(text, field.type, strict=False)
        if is_allowed is None or is_allowed(value):
            return value
    except ValueError:
        pass
    raise WrongValueError(f"{variable}={_shown(text, field)}: must be {allowed(field)}")


def _shown(text: str, field: Field[Any]) -> str:
    if extra(field, "is_secret"):
        return "***"
    shown = extra(field, "shown")
    return repr(text if shown is None else shown(text))


def metas(annotation: Any) -> Iterator[Meta]:
    """Yield the metadata of a field's type, the outermost first."""
    yield from getattr(annotation, "__metadata__", ())
    inner = getattr(annotation, "__origin__", None)
    if inner is not None and hasattr(annotation, "__metadata__"):
        yield from metas(inner)
    for member in getattr(annotation, "__args__", ()):
        yield from metas(member)


def extra(field: Field[Any], key: str) -> Any:
    """Return the extra of a field under a key; None if there is none."""
    return next((meta.extra[key] for meta in metas(field.type) if meta.extra and key in meta.extra), None)


def allowed(field: Field[Any]) -> str:
    """Return the allowed values of a field in words."""
    for meta in metas(field.type):
        if meta.extra and "allowed" in meta.extra:
            return str(meta.extra["allowed"])
        if meta.ge is not None and meta.le is not None:
            return f"a whole number, {meta.ge} to {meta.le}"
        if meta.ge is not None:
            return f"a whole number, {meta.ge} or more"
    return ANY_TEXT
