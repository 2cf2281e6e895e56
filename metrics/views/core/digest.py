"""The digest of an EventId, by which a repeated event is recognised."""

from hashlib import blake2b

DIGEST_BYTES = 16


def event_digest(event_id: str) -> bytes:
    """Return the 128-bit BLAKE2b digest of an EventId.

    Two of a billion different ids have the same one with a probability of 1.5e-21.
    """
    return blake2b(event_id.encode(), digest_size=DIGEST_BYTES).digest()
