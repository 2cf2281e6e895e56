"""Time zones by name, as Python and the database know them."""

import difflib
import re
from contextlib import suppress
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from metrics.wording.errors import SettingsError

UTC = "UTC"
# Files beside the zones: of this machine, of POSIX's default rules, and zones again, with leap seconds or without.
_NO_ZONE = re.compile(r"(localtime|posixrules|(right|posix)/.*)", re.IGNORECASE | re.DOTALL)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone of the IANA database by its name, in any case.

    An offset is refused: `UTC+1` is one hour west of Greenwich to the database, by POSIX.

    Raises:
        SettingsError: there is no such zone.
    """
    if not _NO_ZONE.fullmatch(name):
        with suppress(ZoneInfoNotFoundError, ValueError, OSError):
            return ZoneInfo(name)
    known = {known.lower(): known for known in available_timezones() if not _NO_ZONE.fullmatch(known)}
    if name.lower() in known:
        return ZoneInfo(known[name.lower()])
    # Abbreviations such as MST are close to others that mean another zone, and the sign of Etc/GMT+1 is POSIX's.
    of_places = [lower for lower in known if "/" in lower and not lower.startswith("etc/")]
    meant = difflib.get_close_matches(name.lower(), of_places, 1)
    raise SettingsError(
        f"the time zone {name} is unknown",
        hint=f"did you mean {known[meant[0]]}?" if meant else "use a name of the IANA database, such as Asia/Kolkata",
    )
