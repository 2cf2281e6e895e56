"""Logs on standard error: as lines for people, or a JSON object a line for a log collector."""

import json
import logging
from datetime import UTC, datetime

from metrics.errors import MetricsError
from metrics.terminal import console


def log_lines(level: str) -> None:
    """Log from this level on as people read it: warnings and errors say so, news are a line as it is."""
    _log_to(_Lines(), level)


def log_json(level: str) -> None:
    """Log from this level on as JSON; times are UTC, as RFC 3339 writes them."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Json())
    _log_to(handler, level)


def _log_to(handler: logging.Handler, level: str) -> None:
    """Let the house log to a handler from this level on, and the libraries what is at least a warning."""
    handler.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("metrics").setLevel(level)


class _Lines(logging.Handler):
    """Lines on the terminal, in its colours and fitted to its width."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)  # with the traceback, if there is one
        if record.levelno >= logging.ERROR:
            console.fail(text)
        elif record.levelno >= logging.WARNING:
            console.warn(text)
        else:
            console.note(text)


class _Json(logging.Formatter):
    """One JSON object a record; an error of ours has its cause and its remedy in members of their own."""

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
        return json.dumps(members)
