"""The access rules in docs/operations.md: with them, and nothing else, everything works on a real broker."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics.frames.producer import generator
from tests.kafka.access import allow, guarded, let_in_as
from tests.kafka.application import PROJECT, Application

pytestmark = pytest.mark.broker

FRAMES = list(generator.frames(count=2_000, rate=100, seed=5))
USERS = ("job", "readers", "feed", "prepare-topics", "replay")
ROW = re.compile(rf"^\| ({'|'.join(USERS)})[^|]* \| (\w+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with guarded(tmp_path_factory.mktemp("guarded"), [*USERS, "nobody"]) as addresses:
        yield addresses


def application(addresses: dict[str, str]) -> Application:
    made = Application(addresses["PASSWORD"])
    made.variables["OUTPUT_STREAM"] = made.topic("republished")
    return made


def allow_all(addresses: dict[str, str], application: Application) -> None:
    """Give each user what docs/operations.md says that it needs."""
    environment = application.environment()
    for user, kind, names, operations in ROW.findall((PROJECT / "docs/operations.md").read_text()):
        for variable, suffix in re.findall(r"`(\w+)(-replay)?`", names):
            allow(addresses["OPEN"], user, kind, environment[variable] + suffix, operations)


@pytest.mark.slow
def test_the_documented_rules_are_enough(addresses: dict[str, str], tmp_path: Path) -> None:
    app = application(addresses)
    allow_all(addresses, app)
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"\n".join([*FRAMES, b"no frame", b'{"ts":2000000000,"uid":7}']))
    let_in_as(app, "prepare-topics")
    app.run("prepare-topics", "/dev/null", "--partitions", "2")
    let_in_as(app, "feed")
    app.run("feed", file)
    app.run("feed", file, "--resume")
    let_in_as(app, "job")
    app.run("--until-end")
    app.run("--until-end")
    let_in_as(app, "readers")
    assert app.status()["frames"]["counted"] == 2_000
    assert '"num_of_frames"' in app.run("results", "--json")
    assert "agree" in app.run("verify")
    assert app.topic("seconds") in app.run("topics")
    assert '"reason":"not_json"' in app.run("rejected")
    let_in_as(app, "job")
    assert "done" in app.run("reset-offsets", "--to", "earliest", "--execute")
    app.run("--until-end")
    let_in_as(app, "readers")
    app.variables["UID_FORMAT"] = "any"
    assert "--send sends 1 frame" in app.run("rejected", "replay")
    let_in_as(app, "replay")
    assert "sent 1 frame" in app.run("rejected", "replay", "--send")


@pytest.mark.slow
def test_a_topic_that_is_hidden_is_not_called_missing_alone(addresses: dict[str, str]) -> None:
    app = application(addresses)
    let_in_as(app, "nobody")
    for arguments in (["--until-end"], ["status"], ["feed", "/dev/null"]):
        output = app.run(*arguments, exit_code=5)
        assert "or hidden from this user" in output
        assert "(Describe)" in output
