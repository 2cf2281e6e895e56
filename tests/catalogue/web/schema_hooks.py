"""What schemathesis has to know beyond the OpenAPI document; it loads this by itself."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import schemathesis
from hypothesis import strategies as st

# The names that both PostgreSQL and Python know.
_ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("posix", "right")))
_times = st.integers(0, 253_402_300_799).map(lambda second: datetime.fromtimestamp(second, UTC).isoformat())
schemathesis.openapi.format("date-time", _times)
schemathesis.openapi.format("time-zone", st.sampled_from(_ZONES))
