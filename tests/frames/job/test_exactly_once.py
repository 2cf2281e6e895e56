"""Exactly once on a real broker: real kills at random moments."""

import random
import subprocess
from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.kafka.application import Application, frame

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


@pytest.mark.parametrize("partitions", [pytest.param(1, marks=pytest.mark.long), 3])
def test_after_kills_at_random_moments_the_outputs_equal_those_of_an_undisturbed_run(
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
    every = outputs(undisturbed)
    for ours, expected in zip(outputs(killed), every, strict=True):
        assert ours == expected
    assert len(every[2]) > 60
