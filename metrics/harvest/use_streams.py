"""The streams that a harvest reads."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metrics.harvest.settings import HarvestSettings, LocalHarvestSettings


@contextmanager
def use_streams(settings: HarvestSettings, report: Callable[[str], None]) -> Iterator[HarvestSettings]:
    """Yield settings with an endpoint and a password; without STREAM_ENDPOINT, those of local streams started here.

    Args:
        report: called with a line about the local streams, if they are started.

    Raises:
        LocalServerError: local streams cannot be started.
    """
    if settings.stream_endpoint is not None:
        yield settings
        return
    # Runs over other streams need no simulator.
    from metrics.harvest.simulator.server import local_streams  # noqa: PLC0415

    with local_streams() as local:
        report(f"local streams: {local.url} (STREAM_ENDPOINT=… STREAM_PASSWORD=… reads your own)")
        given = {field.name: getattr(settings, field.name) for field in dataclasses.fields(HarvestSettings)}
        streams = {"stream_endpoint": local.url, "stream_user": local.user, "stream_password": local.password}
        yield LocalHarvestSettings(**given | streams)
