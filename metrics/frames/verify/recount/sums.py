"""Sums over records of a topic, to compare two sets of records without keeping either."""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

_BITS = 128


class Sum:
    """Number of records, and the sum of their hashes.

    Each record is hashed to 128 bits by BLAKE2b, and the hashes are added modulo 2**128: MSet-Add-Hash (Clarke et al.,
    Incremental Multiset Hash Functions, 2003). Equal sets of records have equal sums, in any order; different ones
    collide with a probability of 2**-128, unless records are forged for that purpose.

    Attributes:
        records: number of records.
        content: sum over key, value and headers.
        stamped: sum over key, value, headers and timestamp.
        stamps_ms: sum of the timestamps.
        unstamped: number of records without a timestamp of their own; `stamped` and `stamps_ms` leave them out.
        first: offset of the first record; -1 if there is none.
    """

    def __init__(self) -> None:
        self.records = self.content = self.stamped = self.stamps_ms = self.unstamped = 0
        self.first = -1

    def add(
        self,
        offset: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, str | bytes | None]] | None,
        timestamp_ms: int | None,
    ) -> None:
        """Add a record.

        Args:
            headers: None if they cannot be read.
            timestamp_ms: None if it is not the record's own.
        """
        if not self.records:
            self.first = offset
        content = _hash((key, value, headers))
        self.records += 1
        self.content = (self.content + content) % 2**_BITS
        if timestamp_ms is None:
            self.unstamped += 1
        else:
            self.stamped = (self.stamped + _hash((content.to_bytes(_BITS // 8), timestamp_ms))) % 2**_BITS
            self.stamps_ms += timestamp_ms

    def has_records_of(self, other: "Sum") -> bool:
        """Return whether both have the same records, timestamps aside."""
        return (self.records, self.content) == (other.records, other.content)


def total(sums: Iterable[Sum]) -> Sum:
    """Return the sum over several partitions; it has no first offset."""
    found = Sum()
    for each in sums:
        found.records += each.records
        found.content = (found.content + each.content) % 2**_BITS
        found.stamped = (found.stamped + each.stamped) % 2**_BITS
        found.stamps_ms += each.stamps_ms
        found.unstamped += each.unstamped
    return found


def _hash(parts: object) -> int:
    """Hash parts that MessagePack encodes unambiguously: texts, bytes, numbers, lists of these, and None."""
    return int.from_bytes(blake2b(msgspec.msgpack.encode(parts), digest_size=_BITS // 8).digest())
