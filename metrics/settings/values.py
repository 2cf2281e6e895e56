"""Values of settings: their types, checks of them, and secrets that do not show."""

from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta

NonEmpty = Annotated[str, Meta(min_length=1)]
Port = Annotated[int, Meta(ge=1, le=65_535)]


def is_http_address(text: str) -> bool:
    """Return whether a text is the address of an HTTP server, without credentials, a fragment, or blanks."""
    if "#" in text or " " in text or not text.isprintable():
        return False
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
        )
    except ValueError:
        return False


def without_user(address: str) -> str:
    """Return an address without any user and password in it, safe to show."""
    _, at, after = address.rpartition("@")
    return f"***@{after}" if at else address


class Secret(str):
    """Text that its `repr` hides, so that it appears in no log or traceback."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"
