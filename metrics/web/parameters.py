"""Types of query parameters that several systems have."""

from pydantic import BaseModel, BeforeValidator
from pydantic_core import PydanticCustomError


def _without_underscores(text: object) -> object:
    if isinstance(text, str) and "_" in text:
        raise PydanticCustomError("digits", "write it in digits only")
    return text


DIGITS = BeforeValidator(_without_underscores)
"""The rule of an integer, after its `Field`: pydantic alone takes `1_0` for 10, as Python does."""


class NoQuery(BaseModel, extra="forbid"):
    """No parameters: any is refused."""
