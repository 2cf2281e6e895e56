"""The records of one transaction, read: rows of valid events, and the reasons about the others."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from metrics.messages.interface import KafkaMessage
from metrics.views.core.digest import event_digest
from metrics.views.core.event import COLUMNS, InvalidEventError, read_event


class InvalidRecord(NamedTuple):
    """A record that is not a view event; the reasons are sentences."""

    partition: int
    offset: int
    reasons: list[str]


class Batch:
    """Records that are counted together; of those with one EventId, the first one counts.

    Attributes:
        read: the number of records of each partition, invalid ones included.
        invalid: the invalid ones.
    """

    def __init__(self, messages: Sequence[KafkaMessage]) -> None:
        self.read = Counter(message.partition() for message in messages)
        self.invalid: list[InvalidRecord] = []
        self._rows: dict[bytes, str] = {}
        for message in messages:
            try:
                event = read_event(message.value() or b"")
            except InvalidEventError as error:
                reasons = [reason.text for reason in error.reasons]
                self.invalid.append(InvalidRecord(message.partition(), message.offset(), reasons))
                continue
            digest = event_digest(event.event_id)
            if digest not in self._rows:
                self._rows[digest] = (
                    f"{digest.hex()}\t{message.partition()}\t{event.user_id}\t{event.media_id}\t{event.timestamp}"
                    f"\t{COLUMNS[event.event_type]}\n"
                )

    def copied(self) -> str:
        """Return the valid events as lines for COPY into `staged`."""
        return "".join(self._rows.values())

    def copied_invalid(self) -> str:
        """Return the invalid records as lines for COPY into `unfit`."""
        # In JSON, the only character that COPY reads as another one is the backslash.
        lines = (
            f"{record.partition}\t{record.offset}\t{msgspec.json.encode(record.reasons).decode()}\n"
            for record in self.invalid
        )
        return "".join(lines).replace("\\", "\\\\")

    def sums(self) -> Iterator[tuple[int, int, int]]:
        """Yield each partition, the number of its records, and how many of them are invalid."""
        invalid = Counter(record.partition for record in self.invalid)
        for partition, read in sorted(self.read.items()):
            yield partition, read, invalid[partition]
