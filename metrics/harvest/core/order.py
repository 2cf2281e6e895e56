"""The order of events in files and reports."""

from metrics.harvest.core.event import PLATFORMS, STREAMS, Event

SortKey = tuple[int, int, str, int, str, int, int]

_PLATFORM_RANKS = {platform: rank for rank, platform in enumerate(PLATFORMS.values())}
_STREAM_RANKS = {stream: rank for rank, stream in enumerate(STREAMS)}


def sort_key(event: Event) -> SortKey:
    """Return the key by which events are sorted: instant, platform, position.

    Other platforms and streams come after the known ones, by name. No two events of a run have the same key.
    """
    stream, connection, frame = event.position
    return (
        event.instant_ms,
        _PLATFORM_RANKS.get(event.platform, len(_PLATFORM_RANKS)),
        event.platform,
        _STREAM_RANKS.get(stream, len(_STREAM_RANKS)),
        stream,
        connection,
        frame,
    )
