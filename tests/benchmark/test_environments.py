"""Environments of the peers that cannot be created."""

import sys
from pathlib import Path

import pytest

from benchmark import environments
from benchmark.broker import Broker
from benchmark.rounds import Runner
from benchmark.sides import SIDES
from benchmark.truth import Truth


def test_an_environment_that_cannot_be_created_fails_only_its_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(environments, "PEERS", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (tmp_path / "quix.requirements.txt").write_text("quixstreams==0.0.0\n")
    pythons = environments.interpreters(tmp_path / "environments", [None, "quix", None])
    assert pythons == {None: Path(sys.executable)}
    warning = capsys.readouterr().err
    assert "the environment of quix cannot be created" in warning
    assert "quixstreams==0.0.0" in warning

    [quix] = [side for side in SIDES if side.name == "quix"]
    monkeypatch.setattr("benchmark.broker.open_admin", lambda _: None)
    run = Runner(Broker("127.0.0.1:1", "no broker"), "frames", Truth(0, 0, 0, {}, {}), pythons).run(quix, 1)
    assert run.failure == "the environment of quix cannot be created"
    assert not run.is_good
