"""What schemathesis has to know beyond the OpenAPI document; it loads this by itself."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies as st

# The names that both PostgreSQL and Python know.
_ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right")))
_times = st.integers(0, 253_402_300_799).map(lambda second: datetime.fromtimestamp(second, UTC).isoformat())
schemathesis.openapi.format("date-time", _times)
schemathesis.openapi.format("time-zone", st.sampled_from(_ZONES))


@schemathesis.hook
def map_query(_: schemathesis.HookContext, query: dict[str, Any] | None) -> dict[str, Any] | None:
    """Let every record be wrong: which texts are times, no schema says."""
    if query is not None and "max_rejected" in query and str(query["max_rejected"]).rstrip("%").isdecimal():
        return query | {"max_rejected": "100%"}
    return query
