"""A job on a local Flink that `flink run` follows: outages of the broker."""

from collections.abc import Iterable, Iterator

import pytest

from tests.frames.flink.cluster import Cluster
from tests.frames.flink.records import eventually
from tests.kafka import cluster
from tests.kafka.application import LIVE, Application, frame

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow, pytest.mark.timeout(900)]

START = 1_600_000_020  # a full minute


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Cluster]:
    """Give one node, which can be frozen."""
    with cluster.running(tmp_path_factory.mktemp("kafka") / "one", nodes=1) as one:
        yield one


def line(stream: Iterable[str] | None, text: str) -> str:
    """Wait for a line that begins with a text, and return it."""
    assert stream is not None
    said = list[str]()
    for each in stream:
        if each.startswith(text):
            return each.rstrip()
        said.append(each)
    raise AssertionError(f"the command has ended without {text!r}: {said}")


def goes_on(application: Application, second: int) -> None:
    """Send a frame of a later second, and wait until the job has published the one before."""
    application.send([frame(START + second, "a"), frame(START + second + 60, "a")], timestamp=LIVE)
    eventually(lambda: len(application.read("seconds-flink")) > second, "the job goes on")


def test_a_job_outlives_an_outage_of_the_broker(kafka: cluster.Cluster, flink: Cluster) -> None:
    application = Application(kafka.address, {"LOCAL_FLINK_DIR": str(flink.folder)})
    application.create_topics()
    process = application.start("flink", "run")
    goes_on(application, 0)

    with kafka.nodes[0].frozen():
        warned = line(process.stderr, "warning: ")
    assert warned == (
        f"warning: the broker no longer answers at {kafka.address}; how far the job has read is unknown, and the job "
        "continues by itself"
    )
    line(process.stdout, "the broker answers again")
    goes_on(application, 100)
