"""The streams that a harvest reads."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from metrics.harvest.settings import HarvestSettings


@contextmanager
def use_streams(settings: HarvestSettings, report: Callable[[str], None]) -> Iterator[HarvestSettings]:
    """Yield the settings with an endpoint and a password: as they are, or of local streams, which are started.

    Args:
        report: called with a line about new local streams.

    Raises:
        LocalServerError: local streams cannot be started.
    """
    if settings.stream_endpoint is not None:
        yield settings
        return
    # A harvest of other streams does without this import.
    from metrics.harvest.simulator.server import local_streams  # noqa: PLC0415

    with local_streams() as local:
        report(f"local streams: {local.url} (STREAM_ENDPOINT=… takes streams of your own)")
        yield dataclasses.replace(
            settings, stream_endpoint=local.url, stream_user=local.user, stream_password=local.password
        )
