"""Messages of a topic as records of a model: a value is JSON; without a value, the key names a row that is gone."""

import json
from collections.abc import Sequence
from datetime import tzinfo

from metrics.catalogue.core.models import Model
from metrics.catalogue.core.reading import key_reader, require_utf8, text_reader
from metrics.catalogue.core.records import RejectedError, Row, Tombstone
from metrics.catalogue.load.formats import Records
from metrics.messages.interface import KafkaMessage


class MessageReader:
    """Reader of messages, each of which is a record or a tombstone. Headers are ignored.

    Args:
        zone: of times without an offset; None if these are rejected.
    """

    def __init__(self, model: Model, zone: tzinfo | None) -> None:
        self._read_text = text_reader(model, zone)
        self._read_key = key_reader(model, zone)

    def records(self, messages: Sequence[KafkaMessage]) -> Records:
        """Return messages as records; of those with the same key, the last one counts."""
        received = ((message, message) for message in messages)
        return Records(received, position_of, self.read, text_of, _no_key, [])

    def read(self, message: KafkaMessage) -> Row | Tombstone:
        """Return the row of a record, or the key of a tombstone.

        Raises:
            RejectedError: it is neither.
        """
        value = message.value()
        if value is not None:
            return self._read_text(require_utf8(value, "it"))
        key = message.key()
        if key is None:
            raise RejectedError("key", "it has neither a value nor a key")
        return Tombstone(self._read_key(require_utf8(key, "the key")))


def position_of(message: KafkaMessage) -> str:
    """Return the position of a message in words."""
    return f"partition {message.partition()} offset {message.offset()}"


def text_of(message: KafkaMessage) -> str:
    """Return a value as text, and a tombstone as JSON with its key; bytes that are not UTF-8 become surrogates."""
    value, key = message.value(), message.key()
    if value is not None:
        return value.decode(errors="surrogateescape")
    key_text = None if key is None else key.decode(errors="surrogateescape")
    return json.dumps({"key": key_text, "value": None}, ensure_ascii=False)


def _no_key(_: KafkaMessage) -> None:
    """Return no key: a row that is missing from a topic is not gone."""
