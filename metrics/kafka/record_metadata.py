"""Headers and timestamps of records; headers are read so that none of them can crash the process.

Header names are bytes in Kafka and text in the client. For a name that is not UTF-8, the client (2.16) creates a tuple
without its first element, and returns it with an error set. Python checks for such an error after each function call,
except for calls that its interpreter has specialized, such as `message.headers()` in a loop; touching the tuple then
ends in SIGSEGV. So headers are read only here, through a call that is never specialized; and the number of elements is
checked by the garbage collector's references, which skip missing ones.
"""

import gc
from operator import methodcaller
from typing import cast

from confluent_kafka import Message

from metrics.messages.interface import KafkaMessage

Headers = list[tuple[str, str | bytes | None]]

_read = methodcaller("headers")
_referents = gc.get_referents


def headers_of(message: KafkaMessage | Message) -> Headers | None:
    """Return the headers of a record, empty if it has none; None if they cannot be read."""
    try:
        headers = cast("Headers | None", _read(message))
    except (SystemError, UnicodeError):
        return None
    if headers is None:
        return []
    return headers if len(_referents(*headers)) == 2 * len(headers) else None


def stamp_ms(message: Message | None) -> int | None:
    """Return a record's timestamp in milliseconds since the epoch; None if it has none."""
    kind, timestamp_ms = message.timestamp() if message is not None else (0, -1)
    return timestamp_ms if kind and timestamp_ms >= 0 else None
