"""Types of query parameters that several systems have."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator
from pydantic_core import PydanticCustomError


def _without_underscores(text: object) -> object:
    if isinstance(text, str) and "_" in text:
        raise PydanticCustomError("digits", "write it in digits only")
    return text


Integer = Annotated[int, BeforeValidator(_without_underscores)]
"""An integer in digits; pydantic alone takes `1_0` for 10, as Python does."""


class NoQuery(BaseModel, extra="forbid"):
    """No parameters: any is refused."""
