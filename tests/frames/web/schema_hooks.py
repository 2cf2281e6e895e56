"""What schemathesis has to know beyond the OpenAPI document; it loads this by itself."""

from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st

# The API begins with 1970, which the format of a schema cannot say.
_times = st.integers(0, 253_402_300_799).map(lambda second: datetime.fromtimestamp(second, UTC).isoformat())
schemathesis.openapi.format("date-time", _times)


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out ranges that may end before they begin, which no schema can exclude."""
    return not {"from", "to"} <= (case.query or {}).keys()
