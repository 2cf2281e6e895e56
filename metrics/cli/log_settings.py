"""Settings of the logs of services."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings.declared import Declared
from metrics.terminal.logs import log_json, log_lines


@dataclass(frozen=True, kw_only=True)
class LogSettings(Declared):
    """Settings of the logs that services write to standard error."""

    log_level: Annotated[
        str,
        Meta(
            pattern=r"^(?i:debug|info|warning|error)\Z",
            description="Lowest level that the services, such as the main job and `serve`, log to standard error.",
            extra={"allowed": "debug, info, warning or error"},
        ),
    ] = "info"
    log_format: Annotated[
        str,
        Meta(
            pattern=r"^(text|json)\Z",
            description="Log format of the services: plain lines, or one JSON object per line, with times in UTC.",
            extra={"allowed": "text or json"},
        ),
    ] = "text"

    def begin_to_log(self) -> None:
        """Configure logging by these settings."""
        log = {"text": log_lines, "json": log_json}[self.log_format]
        log(self.log_level.upper())
