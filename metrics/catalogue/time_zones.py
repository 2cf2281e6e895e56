"""Time zones by name, as Python and the database know them."""

import difflib
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from metrics.errors import SettingsError

UTC = "UTC"


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database by its name, in any case.

    An offset is refused: `UTC+1` is one hour west of Greenwich to the database, by POSIX.

    Raises:
        SettingsError: there is no such zone.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        known = {known.lower(): known for known in available_timezones()}
    if name.lower() in known:
        return ZoneInfo(known[name.lower()])
    meant = difflib.get_close_matches(name.lower(), known, 1)
    raise SettingsError(
        f"the time zone {name} is unknown",
        hint=f"did you mean {known[meant[0]]}?" if meant else "use a name of the IANA database, such as Europe/Berlin",
    )
