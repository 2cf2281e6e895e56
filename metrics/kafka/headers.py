"""Headers of records, read so that none of them can end the process.

Names of headers are bytes for Kafka and text for the client. Of one that is no UTF-8, the client (2.16) makes a tuple
without its first element, and returns it with an error set. Python checks for such an error after each call of a
function, except for calls that its interpreter has specialized, such as `message.headers()` in a loop; whatever then
touches the tuple ends by SIGSEGV. So headers are read only here, through a call that is never specialized; and the
result is counted once more by the garbage collector's references, which skip what is missing.
"""

import gc
from operator import methodcaller
from typing import cast

from confluent_kafka import Message

from metrics.kafka.message import RecordMessage

Headers = list[tuple[str, str | bytes | None]]

_read = methodcaller("headers")
_referents = gc.get_referents


def headers_of(message: RecordMessage | Message) -> Headers | None:
    """Return the headers of a record, none if it has none; None where they cannot be read."""
    try:
        headers = cast("Headers | None", _read(message))
    except (SystemError, UnicodeError):
        return None
    if headers is None:
        return []
    return headers if len(_referents(*headers)) == 2 * len(headers) else None
