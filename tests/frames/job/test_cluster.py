"""Three real nodes, of which one is restarted, frozen or away; and a broker whose coordinators are still loading."""

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from metrics.frames.producer import generator
from metrics.frames.settings import Settings
from metrics.frames.start_state import begin, saved_state
from metrics.frames.topics_in_use import check
from metrics.kafka import offsets
from metrics.kafka.clients import open_admin, open_consumer
from metrics.kafka.job.input_monitor import EndOffset, InputMonitor
from metrics.kafka.offsets import Answers, OffsetRange, offset_ranges
from metrics.kafka.topics import topic_id
from metrics.wording.errors import BrokerError
from tests.kafka import cluster
from tests.kafka.application import TIMEOUT_S, Application, finish, frame, wait_until
from tests.kafka.cluster import Cluster, coordinator_partition

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(400)]

T = 1468244340  # 2016-07-11T13:39:00Z

# How long the job may commit nothing: a node that is stopped hands over what it coordinates; one that was killed is
# missed after 9 s, and the client was seen not to return from a step of the transaction, which takes 22 s.
PAUSE_S = {"stop": 15.0, "kill": 45.0}
# What `status` may end with: where the group's coordinator was killed, nobody tells its offsets for 9 s.
CODES = {"stop": {0}, "kill": {0, 4}}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster.running(tmp_path_factory.mktemp("three nodes")) as nodes:
        yield nodes


def feed_live(application: Application, stopping: Event) -> int:
    """Send frames to three partitions, 1,000 a second, which is 10 s of event time; returns how many."""
    producer = Producer({"bootstrap.servers": application.bootstrap_servers, "enable.idempotence": True})
    sent, frames = 0, generator.frames(count=1_000_000, rate=100, seed=5)
    while not stopping.is_set():
        for each in islice(frames, 100):
            producer.produce(application.topic("frames"), each, partition=sent % 3)
            sent += 1
        producer.poll(0)
        stopping.wait(0.1)
    assert producer.flush(30) == 0
    return sent


def longest_pause_s(application: Application, stopping: Event) -> float:
    """Return the longest time between two commits of the job."""
    consumer = Consumer({"bootstrap.servers": application.bootstrap_servers, "group.id": application.name})
    longest_s, seen, seen_s = 0.0, -1, time.monotonic()
    try:
        while not stopping.is_set():
            with suppress(BrokerError):
                saved = saved_state(consumer, application.topic("frames"), 1)
                if saved is not None and saved.instance.heartbeats != seen:
                    longest_s = max(longest_s, time.monotonic() - seen_s if seen >= 0 else 0.0)
                    seen, seen_s = saved.instance.heartbeats, time.monotonic()
            stopping.wait(0.1)
    finally:
        consumer.close()
    return longest_s


def ask_again_and_again(application: Application, stopping: Event) -> list[int]:
    """Ask for the status until it is stopped; returns the exit codes."""
    codes = []
    while not stopping.is_set():
        process = application.start("status", "--json")
        process.communicate(timeout=60)
        codes.append(process.returncode)
        stopping.wait(0.5)
    return codes


@pytest.mark.parametrize("end", [pytest.param("stop", marks=pytest.mark.long), "kill"])
def test_a_rolling_restart_ends_no_process_and_costs_seconds(three: Cluster, tmp_path: Path, end: str) -> None:
    application = Application(three.address)
    application.prepare(tmp_path, [], "--partitions", "3", "--replication-factor", "3")
    job, page, stopping = application.start(), application.start("serve", "--port", "0"), Event()
    wait_until(lambda: application.heartbeats() > 1, "it lives")
    with ThreadPoolExecutor(3) as pool:
        sent: Future[int] = pool.submit(feed_live, application, stopping)
        paused_s: Future[float] = pool.submit(longest_pause_s, application, stopping)
        codes: Future[list[int]] = pool.submit(ask_again_and_again, application, stopping)
        try:
            for node in three.nodes:
                getattr(node, end)()
                node.start()
                three.await_replicas()
                assert (job.poll(), page.poll()) == (None, None)
        finally:
            stopping.set()
    wait_until(lambda: sum(application.position(number) for number in range(3)) == sent.result(), "all is counted")
    for process in (page, job):
        process.send_signal(signal.SIGINT)
        finish(process)
    assert set(codes.result()) <= CODES[end]
    assert paused_s.result() < PAUSE_S[end]
    application.run("verify")


def settings_of(application: Application, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in application.environment().items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def end_offsets(monitor: InputMonitor) -> dict[int, int]:
    """Return the ends of three partitions as a monitor gets them."""
    monitor.request_end_offsets([0, 1, 2], 100.0)
    ends: list[EndOffset] = []
    give_up_s = time.monotonic() + 30
    while not ends and time.monotonic() < give_up_s:
        ends = list(monitor.end_offsets())
        time.sleep(0.05)
    return {end.partition: end.offset for end in ends}


def test_offsets_on_a_hanging_node_are_unknown(three: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    application = Application(three.address, {"BROKER_TIMEOUT_S": "5"})
    application.prepare(
        tmp_path, [frame(T, "a"), frame(T, "b"), frame(T, "c")], "--partitions", "3", "--replication-factor", "1"
    )
    application.run("--until-end")
    topic = application.topic("frames")
    settings = settings_of(application, monkeypatch)
    admin = open_admin(settings)
    monitor = InputMonitor(admin, topic, topic_id(admin, topic), 3, lambda: None, lambda _: None)
    assert end_offsets(monitor) == {0: 1, 1: 1, 2: 1}
    with three.leader(topic, 1).frozen():
        assert end_offsets(monitor) == {0: 1, 2: 1}  # of a partition that is cut off, nothing says that it is idle
        with pytest.raises(BrokerError, match="unknown") as unknown:
            offset_ranges(admin, topic, 3)
        assert unknown.value.why == f"{topic}/1: its leader does not answer"
    three.await_replicas()
    with three.leader(application.topic("seconds"), 0).frozen():
        output = application.run("results", exit_code=4)
        assert f"{application.topic('seconds')}/0: its leader does not answer" in output
    three.await_replicas()


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_leader_is_waited_for(
    three: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitions: int
) -> None:
    """With one partition, none has a leader, as in a topic that was just created; of three, two have one."""
    refused: list[KafkaError] = []
    wait_for = offsets.answered

    def answered(*arguments: Any) -> Answers:
        answers = wait_for(*arguments)
        refused.extend(answers.failures.values())
        return answers

    application = Application(three.address)
    application.prepare(tmp_path, [], "--partitions", str(partitions), "--replication-factor", "1")
    topic, settings = application.topic("frames"), settings_of(application, monkeypatch)
    monkeypatch.setattr(offsets, "ASK_TIMEOUT_S", 60.0)
    monkeypatch.setattr(offsets, "answered", answered)
    with ThreadPoolExecutor(1) as pool:
        with three.leader(topic, 0).frozen():
            three.await_no_leader(topic, 0)
            ranges = pool.submit(offset_ranges, open_admin(settings), topic, partitions)
            wait_until(lambda: bool(refused) or ranges.done(), "the leader is unknown")
        assert ranges.result(TIMEOUT_S) == dict.fromkeys(range(partitions), OffsetRange(0, 0))
    assert refused
    three.await_replicas()


def coordinator(three: Cluster, group: str) -> int | None:
    """Return the node that coordinates a group, or None while none is ready; the first request creates its topic."""
    with suppress(KafkaException):
        admin = AdminClient({"bootstrap.servers": three.address})
        described = admin.describe_consumer_groups([group])[group].result(TIMEOUT_S)
        return int(described.coordinator.id)
    return None


@pytest.mark.parametrize("name", ["group-0", "frames", "test-196e311697cf"])  # the last two have negative hashes
def test_a_group_is_coordinated_by_the_node_that_the_tests_expect(three: Cluster, name: str) -> None:
    wait_until(lambda: coordinator(three, name) is not None, "the group has a coordinator")
    three.await_replicas()
    assert coordinator(three, name) == three.leader("__consumer_offsets", coordinator_partition(name)).number


def test_a_run_does_not_report_frames_on_a_hanging_node_as_lost(
    three: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    application = Application(three.address)
    application.prepare(
        tmp_path, [frame(T, "a"), frame(T, "b"), frame(T, "c")], "--partitions", "3", "--replication-factor", "1"
    )
    application.run("--until-end")
    settings = settings_of(application, monkeypatch)
    with closing(open_consumer(settings)) as consumer:
        admin = open_admin(settings)
        in_use = check(admin, settings)
        begin(admin, consumer, settings, in_use).accepted()  # the client knows the coordinator before a node hangs
        with (
            three.without_coordinator_of(application.name).frozen(),
            pytest.raises(BrokerError, match=r"the offsets of the topic \S+ are unknown"),
        ):
            begin(admin, consumer, settings, in_use).accepted()
    three.await_replicas()


def test_groups_on_a_hanging_node_are_unknown_and_not_missing(three: Cluster, tmp_path: Path) -> None:
    application = Application(three.address)
    application.prepare(tmp_path, [frame(T, "a")], "--partitions", "3", "--replication-factor", "1")
    application.run("--until-end")
    with three.without_coordinator_of(application.name).frozen():
        described = json.loads(application.run("topics", application.topic("frames"), "--json").splitlines()[0])
    assert described["records"] is None
    assert described["groups"] == [{"group": application.name, "state": "empty", "lag": None}]
    assert described["are_all_groups"] is False
    three.await_replicas()


@pytest.mark.parametrize("restarts", [1, pytest.param(4, marks=pytest.mark.long)])
def test_a_broker_that_loads_fifty_coordinators_is_waited_for(tmp_path: Path, restarts: int) -> None:
    with cluster.running(tmp_path / "one", nodes=1, more="offsets.topic.num.partitions=50") as one:
        application = Application(one.address)
        application.create_topics()
        for _ in range(restarts):
            one.nodes[0].stop()
            one.nodes[0].start()
            wait_until(one.nodes[0].answers, "it answers")
            asked = [application.start("status", "--json") for _ in range(3)]
            asked += [application.start("topics", application.topic("frames"), "--json")]
            for process in asked:
                finish(process)
