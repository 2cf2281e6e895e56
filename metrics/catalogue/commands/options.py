"""Options that several commands of the catalogue have."""

from datetime import tzinfo
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from metrics.catalogue.core.models import MODELS
from metrics.errors import SettingsError

ModelName = StrEnum("ModelName", {name: name for name in MODELS})  # type: ignore[misc]  # its members are the table's
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def zone_of(name: str | None) -> tzinfo | None:
    """Return the time zone of --time-zone; None if it was not given.

    Raises:
        SettingsError: there is no such zone.
    """
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"invalid --time-zone {name!r}", hint="give a name of the IANA database, such as Europe/Berlin, or UTC"
        ) from None
