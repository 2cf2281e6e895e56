"""Many partitions on a real broker: added while it runs, skewed, empty, idle, far ahead."""

import signal
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from metrics.frames.producer import generator
from tests.kafka.application import LIVE, Application, finish, frame, timeline, wait_until
from tests.reference import count_all

T = 1468244340


def test_partitions_added_during_a_run_are_read(application: Application) -> None:
    application.variables |= {"IDLE_S": "1"}
    application.create_topics()
    process = application.start()
    try:
        application.send([frame(T + 1, "a"), frame(T + 2, "a")], timestamp=LIVE)
        wait_until(lambda: application.position(0) == 2, "the first partition is read")
        topic = application.topic("frames")
        admin = AdminClient({"bootstrap.servers": application.bootstrap_servers})
        admin.create_partitions([NewPartitions(topic, 3)])[topic].result(30)
        wait_until(lambda: len(application.saved_state().state.partitions) == 3, "the new ones are found")  # type: ignore[union-attr]
        application.send([frame(T + 70, "b")], partition=2, timestamp=LIVE)
        application.send([frame(T + 71, "c")], partition=1, timestamp=LIVE)
        wait_until(lambda: application.position(2) == 1 and application.position(1) == 1, "they are read")
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)
    application.run("--until-end")
    assert [(start - T, users) for start, users, *_ in application.minutes()] == [(0, 1), (60, 2)]


@pytest.mark.parametrize("partitions", [1, 2, 7])
def test_ordered_frames_give_the_same_records_over_any_number_of_partitions(
    bootstrap_servers: str, tmp_path: Path, partitions: int
) -> None:
    frames = list(generator.frames(count=6_000, rate=50, users=300, seed=4))
    application = Application(bootstrap_servers)
    application.prepare(tmp_path, frames, "--partitions", str(partitions))
    application.run("--until-end")
    answer = count_all({0: timeline(frames)}, lateness_s=5, gap_limit_s=3600)
    assert application.seconds() == answer.seconds
    assert application.minutes() == answer.minutes


@pytest.mark.slow
def test_waiting_for_a_partition_a_day_behind_takes_bounded_memory(application: Application) -> None:
    #  partition 0   two days, a frame of a distinct user every second: 172,800
    #  partition 1   the second day's first hour is missing; it has one frame a minute
    #  partition 2   empty
    application.create_topics(3)
    padding = "x" * 1_000
    application.send([frame(T + second, f"{second}{padding}") for second in range(172_800)])
    application.send([frame(T + second, "slow") for second in range(0, 172_800, 60)], partition=1)
    process = application.start("--until-end")
    most_bytes = 0
    while process.poll() is None:
        try:
            most_bytes = max(most_bytes, psutil.Process(process.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            break
    finish(process)
    seconds = application.seconds()
    assert len(seconds) == 172_800
    assert sum(frames for _, frames, *_ in seconds) == 172_800 + 2_880
    assert len(application.minutes()) == 2_880
    print(f"peak memory {most_bytes / 1e6:.0f} MB")
    assert most_bytes < 400e6  # its frames hold 180 MB; what the client has fetched takes 64 MB and more


def test_a_partition_far_ahead_is_paused_without_losing_frames(application: Application) -> None:
    """What was fetched of a partition that has to wait is thrown away, and fetched again when it goes on."""
    application.variables["ALIGN_S"] = "10"
    application.create_topics(2)
    fast = [frame(T + second, f"fast {second}") for second in range(6_000)]
    slow = [frame(T + second, f"slow {second}") for second in range(0, 6_000, 3)]
    application.send(fast)
    process = application.start()
    try:
        for start in range(0, 2_000, 100):
            application.send(slow[start : start + 100], partition=1)
        wait_until(lambda: application.position(0) > 5_900 and application.position(1) == 2_000, "both are read")
    finally:
        process.send_signal(signal.SIGINT)
        finish(process)
    application.run("--until-end")
    assert [frames for _, frames, *_ in application.seconds()] == [2, 1, 1] * 2_000
    assert application.read("rejected") == []
