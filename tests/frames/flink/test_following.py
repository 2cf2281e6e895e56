"""A job on a local Flink that `flink run` follows: outages of the broker, and the end of parts of Flink."""

from collections.abc import Iterable, Iterator
from functools import partial

import pytest

from metrics.frames.flink import local_cluster
from metrics.frames.flink.gateway import session
from metrics.wording.errors import FlinkError
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.records import eventually
from tests.kafka import cluster
from tests.kafka.application import LIVE, Application, frame

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow, pytest.mark.timeout(900)]

START = 1_600_000_020  # a full minute
KILLED = "ended by the signal SIGKILL"


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


def test_a_job_outlives_what_is_not_its_end_and_what_has_ended_is_named(kafka: cluster.Cluster, flink: Cluster) -> None:
    application = Application(kafka.address, {"LOCAL_FLINK_DIR": str(flink.folder)})
    application.create_topics()
    process = application.start("flink", "run")
    line(process.stdout, f"starting the job {application.name}-flink …")
    goes_on(application, 0)

    with kafka.nodes[0].frozen():
        warned = line(process.stderr, "warning: ")
    assert warned == (
        f"warning: the broker no longer answers at {kafka.address}; how far the job has read is unknown, and the job "
        "continues by itself"
    )
    line(process.stdout, "the broker answers again")
    goes_on(application, 100)

    [job_id] = [
        job_id for job_id, state in flink.states().items() if state == "RUNNING"
    ]  # jobs of other tests have ended
    [worker] = flink.workers(job_id)
    flink.kill(worker)
    warned = line(
        process.stderr, f"warning: the local Flink's {worker} has ended ({KILLED}); jobs restart on the other"
    )
    goes_on(application, 200)
    assert f"warning: the local Flink's {worker} has ended ({KILLED})" in application.run("flink", "status")

    flink.kill("jobmanager")
    assert line(process.stderr, "error: ") == "error: the local Flink's jobmanager has ended"
    assert line(process.stderr, "why: ") == f"why: {KILLED}"
    assert line(process.stderr, "hint: ").startswith("hint: run the same command again: a new local Flink continues")
    assert process.wait() == 12
    with (
        pytest.raises(FlinkError, match="the local Flink has ended"),
        session(flink.url, partial(local_cluster.require_alive, flink.folder)),
    ):
        flink.stop()
