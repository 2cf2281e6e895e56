"""The rules of reconnecting: which responses open a stream, which are retried and when, and which are final.

They are those of the HTML standard (https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.3),
with two exceptions: here 5xx, 408 and 429 are retried, and redirects are not followed.
"""

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from metrics.wording.text import in_line

EVENT_STREAM = "text/event-stream"
FIRST_BACKOFF_S = 0.1
LONGEST_BACKOFF_S = 2.0
SHORTEST_INTERVAL_S = 0.1
"""Seconds between two requests of a stream, at least."""
HEADER_LIMIT_BYTES = 4096
"""Longest Last-Event-ID that is sent. Many servers answer headers above 8 KiB with 431, which is final."""

_MEDIA_TYPE = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+", re.ASCII)
_FIELD_VALUE = re.compile(rb"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?")
_SHOWN_CHARACTERS = 200
_REDIRECTS = {301, 302, 303, 307, 308}
_REASONS = {
    204: "has ended its stream (204)",
    401: "refuses the user or the password (401)",
    403: "forbids access to its stream (403)",
    404: "does not exist at this address (404)",
    407: "cannot be reached: the proxy requires a user (407)",
    408: "did not get the request in time (408)",
    429: "limits the rate of requests (429)",
    500: "has an internal error (500)",
    502: "cannot be reached by its gateway (502)",
    503: "is unavailable (503)",
    504: "does not answer its gateway in time (504)",
}


@dataclass(frozen=True)
class Listen:
    """A response that is an event stream."""


@dataclass(frozen=True)
class Retry:
    """A response after which the stream is requested again.

    Attributes:
        why: the predicate of a sentence about the stream: "is unavailable (503)".
    """

    why: str


@dataclass(frozen=True)
class Final:
    """A response after which the stream is never requested again.

    Attributes:
        why: the predicate of a sentence about the stream: "does not exist at this address (404)".
    """

    why: str


def judge_response(status: int, content_type: str | None, content_encoding: str = "") -> Listen | Retry | Final:
    """Judge a response by its status, its Content-Type and its Content-Encoding.

    Only `identity` is requested, and only that is listened to: the bytes that are kept are those of the stream.
    """
    if status == 200:
        encoding = content_encoding.strip(" \t").lower()
        media_type = _media_type(content_type or "")
        if media_type == EVENT_STREAM:
            if encoding in {"", "identity"}:
                return Listen()
            return Final(f"is compressed by {shown(encoding)}, which was not requested")
        return Final(f"answers with {shown(media_type or 'no readable content type')} instead of {EVENT_STREAM}")
    reason = _REASONS.get(status, f"answers with status {status}")
    if _is_temporary(status):
        return Retry(reason)
    if status in _REDIRECTS:
        return Final(f"redirects to another address, which must not get the password ({status})")
    return Final(reason)


def shown(text: str) -> str:
    """Return a server's text as it is shown in a reason: printable, in one line of at most 200 characters."""
    line = in_line(text)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[: _SHOWN_CHARACTERS - 1]}…"


def _media_type(content_type: str) -> str | None:
    """Return the media type in lower case: of several headers joined by commas, the last readable one (Fetch, 2.2)."""
    for value in reversed(content_type.split(",")):
        media_type = value.partition(";")[0].strip(" \t").lower()
        if _MEDIA_TYPE.fullmatch(media_type):
            return media_type
    return None


def judge_proxy(status: int) -> Retry | Final:
    """Judge a proxy's refusal to connect to the server, by its status."""
    why = _REASONS[status] if status == 407 else f"cannot be reached: the proxy refuses ({status})"
    return Retry(why) if _is_temporary(status) else Final(why)


def _is_temporary(status: int) -> bool:
    return status in {408, 429} or 500 <= status <= 599


def retry_after(header: str, now_s: float) -> float | None:
    """Return the seconds to wait by a Retry-After, 0 or more; None if it cannot be read (RFC 9110, 10.2.3).

    Args:
        header: a number of seconds, or a date.
        now_s: seconds since the epoch.
    """
    text = header.strip(" \t")
    if text.isascii() and text.isdigit():
        return float(text.lstrip("0")[:15] or 0)  # a longer number outlasts every run, too
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now_s)


def delay_s(
    failures: int, retry_ms: int | None, retry_after_s: float | None, random: float, *, elapsed_s: float = 0
) -> float:
    """Return the seconds to wait before the next request of a stream.

    That is the Retry-After of the last response, else the last `retry` of the stream, else the backoff: 0.1 s, doubled
    by each further failure up to 2 s, times a number from 0.5 to 1. After a failure it is at least the backoff, and
    requests are at least 0.1 s apart, whatever the server asks for.

    Args:
        failures: the number of requests in a row, up to the last one, that brought no event.
        random: a number in [0, 1).
        elapsed_s: seconds since the last request.
    """
    doubled = min(max(failures - 1, 0), 10)
    backoff_s = min(FIRST_BACKOFF_S * (1 << doubled), LONGEST_BACKOFF_S) * (1 + random) / 2
    if retry_after_s is not None:
        asked_s = retry_after_s
    elif retry_ms is not None:
        asked_s = retry_ms / 1000
    else:
        asked_s = backoff_s
    return max(asked_s, backoff_s if failures else 0, SHORTEST_INTERVAL_S - elapsed_s)


def last_event_id_header(last_id: bytes) -> bytes | None:
    """Return the value of the header Last-Event-ID, in UTF-8; None without a last id, or if no header can carry it.

    Bytes that are not UTF-8 become U+FFFD, as in the standard. A header carries no control characters, and no blanks at
    its ends (RFC 9110, 5.5).
    """
    value = last_id.decode(errors="replace").encode()
    return value if len(value) <= HEADER_LIMIT_BYTES and _FIELD_VALUE.fullmatch(value) else None
