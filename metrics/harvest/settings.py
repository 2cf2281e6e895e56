"""Settings of harvest."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Annotated, ClassVar

from msgspec import Meta

from metrics.cli.log_settings import LogSettings
from metrics.settings.declared import Declared
from metrics.settings.values import NonEmpty, is_http_address, without_user
from metrics.web.settings import WebSettings

MIN_SECONDS, MAX_SECONDS = 0.1, 86_400
MAX_TIMES = 1_000_000


def is_utf8(text: str) -> bool:
    """Return whether a text can be written as UTF-8; one from the environment or an argument may have other bytes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_user(text: str) -> bool:
    """Return whether a text can be a user of HTTP Basic, which ends at the first colon (RFC 7617, 2)."""
    return ":" not in text and is_utf8(text)


@dataclass(frozen=True, kw_only=True)
class StreamSettings(Declared):
    """Settings of the three streams."""

    stream_endpoint: Annotated[
        str | None,
        Meta(
            description="Address before the names of the streams, `sytflix`, `sytazon` and `sysney`. "
            "HTTP_PROXY, HTTPS_PROXY and NO_PROXY apply. Unset: local streams are started.",
            extra={
                "allowed": "http://host:port/ or https://host:port/path/, without a user, a fragment or blanks",
                "is_allowed": is_http_address,
                "shown": without_user,
            },
        ),
    ] = None
    stream_user: Annotated[
        NonEmpty,
        Meta(
            description="User of the streams, by HTTP Basic.",
            extra={"allowed": "text in UTF-8 without a colon", "is_allowed": _is_user},
        ),
    ] = "sytac"
    stream_password: Annotated[
        NonEmpty | None,
        Meta(
            description="Password of the streams; needed with STREAM_ENDPOINT.",
            extra={"is_secret": True, "allowed": "text in UTF-8", "is_allowed": is_utf8},
        ),
    ] = None

    def conflicts(self, refused: Set[str]) -> Iterator[str]:
        """Yield a line if STREAM_ENDPOINT is set without a password."""
        yield from super().conflicts(refused)
        if self.stream_endpoint is not None and self.stream_password is None and "STREAM_PASSWORD" not in refused:
            yield "STREAM_PASSWORD is unset: STREAM_ENDPOINT needs it; STREAM_PASSWORD_FILE names a file with it"


@dataclass(frozen=True, kw_only=True)
class RunSettings(Declared):
    """Settings of one harvest."""

    harvest_dir: Annotated[
        NonEmpty,
        Meta(
            description="Folder of raw files, archive and reports, "
            "relative to the clone or, if installed, the working folder."
        ),
    ] = "data"
    harvest_seconds: Annotated[
        float,
        Meta(
            ge=MIN_SECONDS,
            le=MAX_SECONDS,
            description="Seconds after which a harvest stops.",
            extra={"allowed": f"a number, {MIN_SECONDS:g} to {MAX_SECONDS}"},
        ),
    ] = 20
    harvest_name: Annotated[
        NonEmpty,
        Meta(description="First name that stops a harvest.", extra={"allowed": "text in UTF-8", "is_allowed": is_utf8}),
    ] = "Sytac"
    harvest_times: Annotated[
        int, Meta(ge=1, le=MAX_TIMES, description="Stop after this many events of users with that name.")
    ] = 3
    harvest_connect_s: Annotated[
        int, Meta(ge=1, le=300, description="Seconds to wait for a response before the request is retried.")
    ] = 5
    harvest_silent_s: Annotated[
        int, Meta(ge=1, le=86_400, description="Seconds without a byte after which a warning is logged.")
    ] = 5
    harvest_frame_limit: Annotated[
        int,
        Meta(ge=1_024, le=1 << 30, description="Bytes of the longest frame accepted; longer ones are malformed."),
    ] = 1 << 20


@dataclass(frozen=True, kw_only=True)
class HarvestSettings(LogSettings, WebSettings, RunSettings, StreamSettings):
    """Settings of harvest: of the streams, the runs, and the server.

    Attributes:
        uses_proxies: whether those of the environment apply.
    """

    uses_proxies: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class LocalHarvestSettings(HarvestSettings):
    """Settings with an endpoint on this machine, to which no proxy leads."""

    uses_proxies: ClassVar[bool] = False
