"""Settings of the web server."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings import Declared, NonEmpty


@dataclass(frozen=True, kw_only=True)
class WebSettings(Declared):
    """Settings of access to the web server."""

    api_token: Annotated[
        NonEmpty | None,
        Meta(
            description="Token required by every route of a server except the health checks. Unset: no authentication.",
            extra={"is_secret": True},
        ),
    ] = None
