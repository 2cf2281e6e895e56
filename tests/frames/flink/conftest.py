"""The local Flink that the tests share, and what they draw at random."""

import random
from collections.abc import Iterator

import pytest

from metrics.wording.errors import MetricsError
from tests.frames.flink.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests on a Flink, which may have to start it beside another one on the same cores, ten minutes each."""
    for item in items:
        if "flink" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def _flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("flinks") / "with blank, comma: ü")
    try:
        cluster.start()
    except MetricsError as error:
        pytest.fail(str(error), pytrace=False)
    yield cluster
    cluster.stop()


@pytest.fixture
def flink(_flink: Cluster) -> Cluster:
    """Give a local Flink with all of its processes, on which no job runs."""
    _flink.make_ready()
    return _flink


@pytest.fixture
def draw() -> random.Random:
    """Give the source of what is drawn; its seed is printed if the test fails."""
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed: {seed}")
    return random.Random(seed)
