"""The shape of frames: where the time and the user of a frame are, and how they are written."""

from enum import StrEnum
from shlex import quote

import msgspec
from msgspec.structs import asdict


class TsFormat(StrEnum):
    """Format of the time of a frame."""

    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    MICROSECONDS = "microseconds"
    ISO8601 = "iso8601"
    KAFKA = "kafka"


class UidFormat(StrEnum):
    """Format of the user of a frame: text, or any of text and integers."""

    TEXT = "text"
    ANY = "any"


UNITS = {TsFormat.SECONDS: 1, TsFormat.MILLISECONDS: 1_000, TsFormat.MICROSECONDS: 1_000_000}
"""How many units of a format a second has."""


class Shape(msgspec.Struct, array_like=True, frozen=True):
    """Shape of frames.

    Attributes:
        ts_field: member of the root object with the time: its name, or a JSON pointer (RFC 6901), which begins with /;
            unused if the time is the record's Kafka timestamp.
        uid_field: the same for the user.
    """

    ts_field: str = "ts"
    uid_field: str = "uid"
    ts_format: TsFormat = TsFormat.SECONDS
    uid_format: UidFormat = UidFormat.TEXT

    def __str__(self) -> str:
        """Return the settings that differ from the defaults, as for a shell."""
        return self.beside(Shape())

    def beside(self, other: "Shape") -> str:
        """Return the settings that differ from the defaults or from another shape, as for a shell."""
        values, unnamed = asdict(self), asdict(Shape()).items() & asdict(other).items()
        named = (each for each in values.items() if each not in unnamed)
        return " ".join(f"{name.upper()}={quote(value)}" for name, value in named)


def is_pointer(field: str) -> bool:
    """Return whether a field is a JSON pointer, rather than the name of a member of the root object."""
    return field.startswith("/")


def path_of(field: str) -> tuple[str, ...]:
    """Return the names that lead to a field, from the root object on."""
    if not is_pointer(field):
        return (field,)
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in field.split("/")[1:])
