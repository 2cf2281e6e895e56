"""Exactly once on a real broker: real kills at random moments, two instances, one that stands by."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from metrics import generator
from tests.kafka.application import Application, finish, frame, wait_until

T = 1468244340


def outputs(application: Application) -> list[list[tuple[int, bytes | None, bytes | None]]]:
    """Return all that is committed: the frames that were rejected or republished in the order of their partitions."""
    results = []
    for role in ("seconds", "minutes", "rejected", "republished"):
        messages = application.read(role)
        by_source = [dict(message.headers() or []).get("partition", b"") for message in messages]
        kept = [(int(source or 0), m.key(), m.value()) for source, m in zip(by_source, messages, strict=True)]
        results.append(sorted(kept, key=lambda record: record[0]) if role == "rejected" else kept)
    return results


@pytest.mark.parametrize("partitions", [1, 3])
def test_killed_at_any_moments_the_outputs_are_those_of_one_undisturbed_run(
    bootstrap_servers: str, tmp_path: Path, partitions: int
) -> None:
    frames = list(generator.frames(count=80_000, rate=60, users=400, delay_s=9, delay_probability=0.05, seed=11))
    wild = [frame(T + 400_000_000, "wild"), b"no frame", b"{}"]
    for place in range(500, 80_000, 1_000):
        frames.insert(place, wild[place // 1_000 % 3])
    undisturbed, killed = (
        Application(bootstrap_servers, {"OUTPUT_STREAM": f"{name}-republished"}, name)
        for name in (f"{tmp_path.name}-undisturbed", f"{tmp_path.name}-killed")
    )
    for application in (undisturbed, killed):
        application.prepare(tmp_path, frames, "--partitions", str(partitions))
    undisturbed.run("--until-end")

    seed = random.SystemRandom().randrange(10**6)
    print(f"seed of the kills: {seed}")
    draw = random.Random(seed)
    kills = 0
    for latest_s in [0.9] * 6 + [2.0] * 4:  # the first ones come long before the end of the input
        process = killed.start("--until-end")
        try:
            process.wait(draw.uniform(0.4, latest_s))  # the moment is what is drawn
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
        process.communicate()
    killed.run("--until-end")
    assert kills >= 3
    for ours, expected in zip(outputs(killed), outputs(undisturbed), strict=True):
        assert ours == expected
    assert [len(topic) for topic in outputs(undisturbed)][2] > 60


def test_a_second_instance_takes_over_and_the_first_stops_with_an_exit_code_of_its_own(
    application: Application,
) -> None:
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T + number, "a") for number in range(10)], timestamp=T * 1000)
    first = application.start()
    second = None
    try:
        wait_until(lambda: application.position(0) == 10, "the first has read all")
        second = application.start()
        output = finish(first, exit_code=8)
        assert "another instance took over" in output
        application.send([frame(T + number, "a") for number in range(10, 20)], timestamp=T * 1000)
        wait_until(lambda: application.position(0) == 20, "the second goes on")
    finally:
        first.kill()
        if second is not None:
            second.send_signal(signal.SIGINT)
            finish(second)
    application.run("--until-end")
    assert [(start - T, frames) for start, frames, *_ in application.seconds()] == [(n, 1) for n in range(20)]


def test_a_busy_instance_that_is_taken_over_from_writes_nothing_more(application: Application, tmp_path: Path) -> None:
    frames = list(generator.frames(count=120_000, rate=100, users=400, seed=3))
    application.prepare(tmp_path, frames)
    first = application.start()
    wait_until(lambda: application.position(0) > 5_000, "the first is busy")
    second = application.start("--until-end")
    finish(second)
    finish(first, exit_code=8)
    assert sum(frames for _, frames, *_ in application.seconds()) == 120_000
    starts = [start for start, *_ in application.seconds()]
    assert starts == list(range(starts[0], starts[-1] + 1))


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_who_stands_by_takes_over_when_the_active_one_is_gone(application: Application, ending: signal.Signals) -> None:
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T, "a")], timestamp=T * 1000)
    active = application.start()
    standby = None
    try:
        wait_until(lambda: application.position(0) == 1, "the active one works")
        standby = application.start("--standby")
        assert standby.stdout is not None
        assert standby.stdout.readline().startswith("standing by: instance ")
        beat = application.beat()
        wait_until(lambda: application.beat() >= beat + 4, "the active one lives on beside it")
        assert standby.poll() is None
        active.send_signal(ending)
        active.wait(30)
        gone_s = time.monotonic()
        while not standby.stdout.readline().startswith("counting "):
            assert standby.poll() is None
        assert time.monotonic() - gone_s < 20
        application.send([frame(T + 1, "b")], timestamp=T * 1000)
        wait_until(lambda: application.position(0) == 2, "it goes on")
    finally:
        active.kill()
        active.communicate()
        if standby is not None:
            standby.send_signal(signal.SIGINT)
            finish(standby)
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0), (T + 1, 1, 1.0, 0)]


def test_of_two_that_stand_by_one_takes_over_and_the_other_stands_by_again(application: Application) -> None:
    application.run("prepare-topics", "/dev/null")
    application.send([frame(T, "a")], timestamp=T * 1000)
    active = application.start()
    wait_until(lambda: application.position(0) == 1, "the active one works")
    standbys = [application.start("--standby") for _ in range(2)]
    for standby in standbys:
        assert standby.stdout is not None
        assert standby.stdout.readline().startswith("standing by: instance ")
    active.send_signal(signal.SIGINT)
    finish(active)
    application.send([frame(T + 1, "b")], timestamp=T * 1000)
    wait_until(lambda: application.position(0) == 2, "one goes on")
    assert [standby.poll() for standby in standbys] == [None, None]
    for standby in standbys:
        standby.send_signal(signal.SIGINT)
    for standby in standbys:
        finish(standby)
    application.run("--until-end")
    assert application.seconds() == [(T, 1, 1.0, 0), (T + 1, 1, 1.0, 0)]
