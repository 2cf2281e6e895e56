"""Time zones by name, for times without an offset."""

from datetime import tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from metrics.errors import SettingsError


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
