"""The input of a load that came with a request."""

import hashlib
import io
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from metrics.catalogue.core.models import Model
from metrics.catalogue.load.elements import Elements
from metrics.catalogue.load.formats import Records, records_of_elements, records_of_texts
from metrics.catalogue.load.loads import Connection
from metrics.wording.errors import FileError

JSON, JSON_LINES = "application/json", "application/x-ndjson"
MEDIA_TYPES = (JSON, JSON_LINES)
MAX_RECORDS = 100_000  # in a body: a load of them takes some seconds, in which no other request may load


class TooManyRecordsError(FileError):
    """A body that has more records, or lines, than a request may load."""

    def __init__(self, unit: str) -> None:
        hint = "send it in parts, or load it as a file: python app.py catalogue load"
        super().__init__(f"the body has more than {MAX_RECORDS:,} {unit}", hint=hint)


class Received:
    """Records in the body of a request, which is in memory: a JSON array, or one record per line.

    They are read one by one: a list of the lines of 1 MiB of line feeds took 67 MB.
    """

    collector = "api"
    as_of = None

    def __init__(self, body: io.BytesIO, media_type: str, source: str) -> None:
        self._body = body
        self._media_type = media_type
        self._digest = hashlib.sha256(body.getbuffer()).hexdigest()
        self.source = source
        self.read_bytes = self.size_bytes = body.getbuffer().nbytes

    def digest_ahead(self) -> str:
        """Return the SHA-256 of the body."""
        return self._digest

    def digest(self) -> str:
        """Return the SHA-256 of the body."""
        return self._digest

    def require_open(self, connection: Connection) -> None:
        """Do nothing: no other load takes these records."""

    def settle(self, connection: Connection, load_id: int) -> None:
        """Do nothing: no other load takes these records."""

    def records(self, model: Model, zone: tzinfo | None) -> Iterator[tuple[str, Records]]:
        """Yield the records.

        Raises:
            FileError: the body is not an array although it should be one. Later: it is cut, not UTF-8, or too long.
        """
        self._body.seek(0)
        if self._media_type == JSON:
            records = records_of_elements(model, Elements("the body", self._body), zone)
            yield "", records._replace(received=_bounded(records.received))
        else:
            yield "", records_of_texts(model, _lines(self._body), "line", zone)


def _bounded(received: Iterator[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Yield numbered records.

    Raises:
        TooManyRecordsError: there are more than a request may load.
    """
    for number, record in received:
        if number > MAX_RECORDS:
            raise TooManyRecordsError("records")
        yield number, record


def _lines(body: io.BytesIO) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty, with their numbers.

    Raises:
        FileError: one is not UTF-8.
        TooManyRecordsError: there are more than a request may load; empty ones take time, too.
    """
    for number, line in enumerate(body, 1):
        if number > MAX_RECORDS:
            raise TooManyRecordsError("lines")
        try:
            text = line.removesuffix(b"\n").decode()
        except UnicodeDecodeError as error:
            why = f"line {number}, byte {error.start + 1}: {error.reason}"
            raise FileError("the body is not UTF-8", why=why) from error
        if text.strip():
            yield number, text
