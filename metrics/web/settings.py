"""Settings of the web server."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings import Declared, NonEmpty


@dataclass(frozen=True, kw_only=True)
class WebSettings(Declared):
    """Who may ask the web server."""

    api_token: Annotated[
        NonEmpty | None,
        Meta(
            description="Token that clients of `serve` must send, on every route but those of health. "
            "Unset: none is needed.",
            extra={"is_secret": True},
        ),
    ] = None
