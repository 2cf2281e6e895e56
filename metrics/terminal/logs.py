"""Logs on standard error: human-readable lines, or one JSON object per line for a log collector."""

import json
import logging
from datetime import UTC, datetime

from metrics.terminal import console
from metrics.wording.errors import MetricsError


def log_lines(level: str) -> None:
    """Log human-readable lines from this level on; warnings and errors are marked as such."""
    _log_to(_Lines(), level)


def log_json(level: str) -> None:
    """Log JSON from this level on, with times in UTC by RFC 3339."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json())
    _log_to(handler, level)


def _log_to(handler: logging.Handler, level: str) -> None:
    """Send logs of this program to a handler from this level on, and those of libraries from WARNING on."""
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("metrics").setLevel(level)


class _Lines(logging.Handler):
    """A handler that prints lines on the console, in colour and wrapped at its width."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)  # with the traceback, if there is one
        if record.levelno >= logging.ERROR:
            console.fail(text)
        elif record.levelno >= logging.WARNING:
            console.warn(text)
        else:
            console.note(text)


class _Json(logging.Formatter):
    """A formatter of JSON objects; a `MetricsError` has its cause and hint in members of their own."""

    def format(self, record: logging.LogRecord) -> str:
        members = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if isinstance(record.msg, MetricsError):
            members |= {"message": record.msg.what, "why": record.msg.why, "hint": record.msg.hint}
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return console.as_started(json.dumps(members))
