"""What a job on a local Flink leaves, and which job may continue from it: real Kafka, real Flink, by commands."""

import json
import re
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from metrics.frames.flink.topics import prepare
from metrics.kafka.clients import open_admin
from metrics.time.moments import rfc3339
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.jobs import settings_of
from tests.frames.flink.records import TIMEOUT_S, eventually
from tests.kafka.application import LIVE, Application, frame

if TYPE_CHECKING:
    from subprocess import Popen

pytestmark = [pytest.mark.broker, pytest.mark.flink, pytest.mark.slow, pytest.mark.timeout(900)]

START = 1_600_000_020  # a full minute
SECONDS = "seconds-flink"


@pytest.fixture
def local(application: Application, flink: Cluster) -> Application:
    """Give an application that finds the local Flink, with all topics."""
    application.variables["LOCAL_FLINK_DIR"] = str(flink.folder)
    application.create_topics()
    settings = settings_of(application)
    prepare(open_admin(settings), settings)
    return application


def send(application: Application, first: int, last: int) -> None:
    """Send the frames of seconds since START."""
    application.send([frame(START + second, "a") for second in range(first, last)], timestamp=LIVE)


def keys(application: Application, role: str = SECONDS) -> list[str]:
    """Return the seconds that are published."""
    return [(message.key() or b"").decode() for message in application.read(role)]


def seconds(first: int, last: int) -> list[str]:
    """Return seconds since START as keys."""
    return [rfc3339(START + second) for second in range(first, last)]


def counting(application: Application, until: Callable[[], bool], *options: str) -> "Popen[str]":
    """Start a job, and wait until a condition holds."""
    process = application.start("flink", "run", *options)
    eventually(lambda: until() or process.poll() is not None, "the job has published")
    assert process.poll() is None, process.communicate()
    return process


def ended(process: "Popen[str]", how: signal.Signals = signal.SIGINT, exit_code: int = 0) -> str:
    """End a process by a signal, and return what it printed, in one line."""
    process.send_signal(how)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == exit_code, f"{output}\n{errors}"
    return " ".join(f"{output}\n{errors}".split())


def savepoint(said: str) -> str:
    """Return the savepoint that a command names."""
    [path] = re.findall(r"the savepoint is (.+?/savepoint-\S+)", said)
    return str(path)


@pytest.mark.parametrize(("how", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_job_that_ends_with_the_input_is_not_continued_after_it_was_ended_midway(
    local: Application, flink: Cluster, how: signal.Signals, exit_code: int
) -> None:
    local.send([frame(START + nth // 100, "a") for nth in range(300_000)], timestamp=LIVE)
    said = ended(counting(local, lambda: bool(keys(local)), "--until-end"), how, exit_code)
    again = f"python app.py topics delete {local.topic(SECONDS)} {local.topic('minutes-flink')}"
    if how != signal.SIGKILL:
        assert "cancelled; a job that ends with the input cannot be continued (FLINK-31006)" in said
        assert again in said
        [job_id] = re.findall(r"job (\w{32}) counts", said)
        assert flink.states()[job_id] == "CANCELED"
    flink.make_ready()
    refused = " ".join(local.run("flink", "run", exit_code=7).split())
    assert f"the topic {local.topic(SECONDS)} holds records already" in refused
    assert again in refused


def lag(application: Application) -> int:
    """Return how many frames `flink status` shows as not read."""
    partitions = json.loads(application.run("flink", "status", "--json"))["partitions"]
    return sum(part["lag"] for part in partitions)


def test_a_job_that_has_read_to_the_end_is_not_behind_and_all_it_has_published_is_recounted(
    application: Application, flink: Cluster
) -> None:
    application.variables["LOCAL_FLINK_DIR"] = str(flink.folder)
    application.create_topics(partitions=3)  # one of them without frames
    for partition in range(2):
        frames = [frame(START + second, f"{second % 7}") for second in range(partition, 150, 2)]
        application.send(frames, partition, timestamp=LIVE)
    process = application.start("flink", "run", "--until-end", "--parallelism", "2")
    _, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, errors
    assert lag(application) == 0
    recount = json.loads(application.run("flink", "verify", "--recount", "--json"))
    assert (recount["agrees"], recount["remarks"]) == (True, [])
    assert recount["compared"] == {"seconds": 150, "minutes": 3}


def test_a_job_that_another_command_stops_before_the_end_of_the_input_is_not_said_to_have_read_it(
    local: Application,
) -> None:
    local.send([frame(START + nth // 100, "a") for nth in range(300_000)], timestamp=LIVE)
    process = counting(local, lambda: bool(keys(local)), "--until-end")
    local.run("flink", "stop")
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 12, f"{output}\n{errors}"
    assert "error: the job was stopped before it had read to the end of the input" in errors
    assert lag(local) > 0


def test_a_job_continues_from_its_newest_state_as_long_as_its_topics_are_the_same(local: Application) -> None:
    send(local, 0, 100)
    first = savepoint(ended(counting(local, lambda: len(keys(local)) > 50)))
    send(local, 100, 200)
    second = savepoint(ended(counting(local, lambda: len(keys(local)) > 150)))
    assert keys(local) == seconds(0, len(keys(local)))
    refused = " ".join(local.run("flink", "run", "--restore", first, exit_code=7).split())
    assert f"error: {first.removeprefix('file:')} is not the newest state of this job" in refused
    assert f"continue from the newest: {second.removeprefix('file:')}" in refused

    local.variables["INPUT_TOPIC"] = local.topic("other-frames")
    local.create_topic("other-frames")
    assert f"the topic {local.topic(SECONDS)} holds records already" in local.run("flink", "run", exit_code=7)
    del local.variables["INPUT_TOPIC"]

    for role in (SECONDS, "minutes-flink"):
        local.delete_topic(role)
    settings = settings_of(local)
    prepare(open_admin(settings), settings)
    ended(counting(local, lambda: len(keys(local)) > 150))
    assert keys(local) == seconds(0, len(keys(local)))


def test_a_savepoint_of_an_earlier_handover_is_refused(local: Application) -> None:
    send(local, 0, 50)
    local.run("--until-end")
    send(local, 50, 150)
    first = savepoint(ended(counting(local, lambda: len(keys(local, "seconds")) > 100, "--from-group")))
    restored = ("--from-group", "--restore", first)
    send(local, 150, 250)
    newest = savepoint(ended(counting(local, lambda: len(keys(local, "seconds")) > 200, *restored)))
    assert "is not the newest state of this job" in local.run("flink", "run", *restored, exit_code=7)
    local.run("flink", "stop", "--to-group")
    send(local, 250, 350)
    local.run("--until-end")
    send(local, 350, 450)
    ended(counting(local, lambda: len(keys(local, "seconds")) > 400, "--from-group"))
    refused = local.run("flink", "run", "--from-group", "--restore", newest, exit_code=7)
    assert "is not the newest state of this job" in refused
    assert keys(local, "seconds") == seconds(0, len(keys(local, "seconds")))
