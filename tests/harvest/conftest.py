"""What the tests of harvest share: local streams."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from metrics.harvest.simulator.server import Endpoint, local_streams


@pytest.fixture
def serve_streams() -> Iterator[Callable[..., Endpoint]]:
    """Start local streams, with the arguments of `local_streams`, until the test ends."""
    with ExitStack() as started:
        yield lambda **how: started.enter_context(local_streams(**how))
