"""An upload: lines that one sender sends, each of which is accepted or rejected."""

import secrets
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from metrics.views.core.event import TOO_LONG, InvalidEventError, Reason, read_event
from metrics.views.settings import ViewsSettings
from metrics.views.taking.outbox import Delivery, Headers, Outbox, Record
from metrics.wording.text import numbered

_CARRIAGE_RETURN = ord("\r")
MAX_NAMED = 100  # rejected lines in an answer
SAFE = "send the same again: an event that comes twice counts once"


class RejectedLine(msgspec.Struct, frozen=True):
    """A line that is not a view event."""

    line: Annotated[int, Meta(ge=1, description="its number; empty lines count", examples=[20])]
    error: Annotated[list[str], Meta(description="everything that is wrong with it", examples=[["Missing EventId"]])]


class Taken(msgspec.Struct, frozen=True, omit_defaults=True):
    """Outcome of an upload."""

    accepted: Annotated[int, Meta(description="events that Kafka has acknowledged")]
    rejected: Annotated[int, Meta(description="lines that are not view events; empty lines are neither")]
    errors: Annotated[list[RejectedLine], Meta(description="the first rejected lines, 100 at most")]
    errors_left_out: Annotated[int, Meta(description="further rejected lines")]
    by_reason: Annotated[
        dict[str, int],
        Meta(description="rejected lines by reason, of which a line may have several", examples=[{"wrong MediaId": 7}]),
    ]
    error: Annotated[str | UnsetType, Meta(description="why the upload ended early; the numbers above are final")] = (
        UNSET
    )


def too_long(limit_bytes: int) -> Reason:
    """Return the reason to reject a line above the limit."""
    return Reason(TOO_LONG, f"The event is longer than {limit_bytes:,} bytes")


def record_of(line: bytes, limit_bytes: int) -> Record:
    """Return the record of an event; its value is the line without a carriage return.

    Raises:
        InvalidEventError: the line is not a view event, or longer than the limit.
    """
    if len(line) > limit_bytes:
        raise InvalidEventError((too_long(limit_bytes),))
    event = read_event(line)
    value = line[:-1] if line[-1] == _CARRIAGE_RETURN else line
    return {"key": b"%d" % event.user_id, "value": value}


class Upload:
    """The lines of one sender.

    An event becomes a record of VIEWS_TOPIC: the line as it came, without its end, under the digits of its UserId. A
    line that is none goes to VIEWS_REJECTED_TOPIC, with headers that say why. Empty lines are skipped, but numbered.

    Attributes:
        id: of the upload, in the headers of rejected lines.
        lines: taken so far, without empty ones.
        rejected: of them.
        by_reason: rejected lines by kind of reason.
    """

    def __init__(self, outbox: Outbox, settings: ViewsSettings) -> None:
        self.id = secrets.token_hex(8)
        self.lines = self.rejected = 0
        self.by_reason: Counter[str] = Counter()
        self._errors: list[RejectedLine] = []
        self._number = 0
        self._outbox = outbox
        self._settings = settings
        self._events, self._dead_letters = Delivery(outbox), Delivery(outbox)

    @property
    def accepted(self) -> int:
        """Events that the broker has acknowledged so far."""
        return self._events.acknowledged

    @property
    def is_settled(self) -> bool:
        """Whether the broker has answered everything."""
        return self._events.is_settled and self._dead_letters.is_settled

    @property
    def failure(self) -> str:
        """Why the broker does not have everything, in a sentence; empty unless a record failed."""
        failed = self._events.failed + self._dead_letters.failed
        if not failed:
            return ""
        causes = [*(self._events.why | self._dead_letters.why)]
        if self._outbox.client_error:
            causes.append(self._outbox.client_error)
        return f"Kafka has not acknowledged {numbered(failed, 'line')}: {'; '.join(causes[:3])}"

    def take(self, lines: Sequence[bytes]) -> None:
        """Validate lines, and hand them over; each without its newline; one above VIEWS_LINE_LIMIT may be cut."""
        records: list[Record] = []
        limit_bytes = self._settings.views_line_limit
        for number, line in enumerate(lines, self._number + 1):
            if not line or line.isspace():
                continue
            try:
                records.append(record_of(line, limit_bytes))
            except InvalidEventError as error:
                self._reject(number, line, error.reasons)
        self._number += len(lines)
        self._send(records)

    def reject(self, line: bytes, reasons: tuple[Reason, ...]) -> None:
        """Hand over the only line of this upload, which is not a view event."""
        self._reject(1, line, reasons)

    def outcome(self, error: str = "") -> Taken:
        """Return what became of the lines so far."""
        return Taken(
            accepted=self.accepted,
            rejected=self.rejected,
            errors=self._errors,
            errors_left_out=self.rejected - len(self._errors),
            by_reason=dict(self.by_reason.most_common()),
            error=error or UNSET,
        )

    def _send(self, records: list[Record]) -> None:
        self.lines += len(records)
        if records:
            self._outbox.send(self._settings.views_topic, records, self._events)

    def _reject(self, number: int, line: bytes, reasons: tuple[Reason, ...]) -> None:
        self.lines += 1
        self.rejected += 1
        kinds, texts = [[*parts] for parts in zip(*reasons, strict=True)]
        self.by_reason.update(kinds)
        if len(self._errors) < MAX_NAMED:
            self._errors.append(RejectedLine(number, texts))
        encode = msgspec.json.encode
        headers: Headers = [("reasons", encode(texts)), ("kinds", encode(kinds))]
        headers += [("line", str(number)), ("upload", self.id)]
        value = line[: self._settings.views_line_limit]
        self._outbox.send_one(self._settings.views_rejected_topic, value, headers, self._dead_letters)
