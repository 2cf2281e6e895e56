"""Types of query parameters that several systems have."""

import re
from typing import Any

from pydantic import BaseModel, BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from metrics.time.moments import ALL_TIME
from metrics.web import problems


def time_schema(last: int) -> dict[str, Any]:
    """Return the JSON schema of a time for `metrics.time.moments.second_of`; longer durations may go back before 1970.

    Args:
        last: the last second that is taken, in seconds since the epoch.
    """
    return {
        "anyOf": [
            {"type": "string", "format": "date-time"},
            {"type": "integer", "minimum": 0, "maximum": last},
            {"type": "string", "pattern": "^(now|-([0-9]{1,3}[smhd]){1,4})$"},
        ]
    }


TIME_SCHEMA = time_schema(ALL_TIME.end - 1)


def _in_digits(text: object) -> object:
    if isinstance(text, str) and not re.fullmatch("-?[0-9]+", text):
        raise PydanticCustomError("digits", "Must be a whole number, in digits only")
    return text


DIGITS = BeforeValidator(_in_digits)
"""The rule of an integer, after its `Field`: pydantic alone takes `1_0`, ` 10` and `10.0` for 10."""


class NoQuery(BaseModel, extra="forbid"):
    """No parameters: any is refused."""


def require_none(request: Request) -> None:
    """Check that a request has no parameters, for a route without FastAPI.

    Raises:
        RequestValidationError: it has some.
    """
    if request.scope["query_string"] and request.query_params:
        raise problems.wrong_fields(dict.fromkeys(request.query_params, problems.UNKNOWN_PARAMETER))
