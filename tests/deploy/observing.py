"""The files for those who observe the jobs, docs/observe, and Prometheus' own programs that test them."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "observe"
DASHBOARDS = ("frames", "views")
INSTALL = "apt-get install --no-install-recommends prometheus"


def program(name: str) -> str:
    """Return where one of Prometheus' programs is; without it a test is skipped, in CI it fails."""
    found = shutil.which(name)
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(f"{name} is missing: {INSTALL}", pytrace=False)
    if found is None:
        pytest.skip(f"{name} is missing; to run this test: {INSTALL}")
    return found


def dashboard(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / "grafana" / f"{name}.json").read_text(encoding="utf-8")))


def panels(name: str) -> list[dict[str, Any]]:
    """Return the panels of a dashboard, without the titles of rows."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def targets(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the title of a panel and one of its targets, for all of a dashboard."""
    for panel in panels(name):
        for target in panel["targets"]:
            yield panel["title"], target


def alerts() -> list[dict[str, Any]]:
    """Return the rules of all groups."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]
