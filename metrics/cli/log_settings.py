"""Settings of what services log."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from metrics.settings import Declared
from metrics.terminal.logs import log_json, log_lines


@dataclass(frozen=True, kw_only=True)
class LogSettings(Declared):
    """What services log to standard error, and how."""

    log_level: Annotated[
        str,
        Meta(
            pattern=r"^(?i:debug|info|warning|error)\Z",
            description="Lowest level that services, the main job and `serve`, log on standard error.",
            extra={"allowed": "debug, info, warning or error"},
        ),
    ] = "info"
    log_format: Annotated[
        str,
        Meta(
            pattern=r"^(text|json)\Z",
            description="How services log: lines for people, or a JSON object a line, with times in UTC.",
            extra={"allowed": "text or json"},
        ),
    ] = "text"

    def begin_to_log(self) -> None:
        """Log as these settings say."""
        log = {"text": log_lines, "json": log_json}[self.log_format]
        log(self.log_level.upper())
