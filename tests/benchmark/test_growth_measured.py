"""Growth on a real broker, as small as it can be."""

from pathlib import Path

import pytest

from benchmark.growth import dimensions, session


@pytest.fixture(autouse=True)
def _on_the_broker_of_the_tests(bootstrap_servers: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTSTRAP_SERVERS", bootstrap_servers)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LATENESS_S", "1")  # what is set for the application must not reach it here


def test_growth_loads_on_runs_and_writes(tmp_path: Path) -> None:
    frames, commit = dimensions.chosen(["frames", "commit"], 0.001)
    few = [frames._replace(points=frames.points[:2]), commit._replace(points=[commit.points[0]._replace(partitions=4)])]
    assert session.run(session.Plan(few, 1, tmp_path, "a test"))
    text = (tmp_path / "GROWTH.md").read_text()
    assert text.count("| right |") == 3
    assert text.count("Measured by `a test` on ") == 2
    assert sorted(path.name for path in (tmp_path / "growth").iterdir()) == [
        f"{name}.{suffix}" for name in ("commit", "frames") for suffix in ("json", "png")
    ]
