"""Alerts and dashboard as files: by Prometheus' own checks, and as people see them."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.deploy.observing import FOLDER, alerts, dashboard, program, targets

TESTS = Path(__file__).parent / "alerts_test.yml"
COLOUR = re.compile(r"#[0-9A-F]{6}")
# Of Okabe and Ito, and of Paul Tol: told apart by those who are colour-blind, on white and on black.
SAFE = {
    *("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#999999"),
    *("#AA4499", "#332288", "#44AA99", "#882255"),
}


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "config", FOLDER / "prometheus.yml"],
        ["check", "rules", FOLDER / "alerts.yml"],
        ["test", "rules", TESTS],
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_prometheus_takes_the_files_and_the_alerts_fire_when_they_should(arguments: list[str | Path]) -> None:
    ended = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_waits_for_a_while_and_says_what_is_wrong_and_what_to_do() -> None:
    assert [rule["alert"] for rule in alerts()] == [
        *("FramesLagGrows", "FramesNothingCloses", "FramesErrorRateHigh"),
        *("ViewsLagGrows", "ViewsNothingCounted", "ViewsRejectedRateHigh"),
        *("FlinkLagGrows", "FlinkPublishesNothing", "FlinkDropsFrames", "FlinkRestartsOften"),
    ]
    for rule in alerts():
        assert rule["for"].endswith("m")
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_alerts_of_views_ask_for_metrics_that_are_documented() -> None:
    documented = re.findall(
        r"^\| `(views_\w+)`", (FOLDER.parent / "metrics.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    asked = {name for rule in alerts() for name in re.findall(r"\bviews_\w+", rule["expr"])}
    assert asked == {"views_lag_records", "views_ready", "views_lines_total"}
    assert asked <= set(documented)


def test_alerts_of_flink_ask_for_metrics_that_are_documented() -> None:
    page = (FOLDER.parent / "flink.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(flink_\w+)`", page, re.MULTILINE)
    asked = {name for rule in alerts() for name in re.findall(r"\bflink_\w+", rule["expr"])}
    assert len(asked) == 4
    assert asked == set(documented)


def test_panels_have_a_title_and_a_meaning_and_lie_beside_each_other() -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in dashboard()["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        taken.update((at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"]))
    assert set(taken.values()) == {1}
    assert len(taken) == 24 * (1 + max(y for _, y in taken)), "no hole"


def test_the_dashboard_begins_with_the_two_results() -> None:
    first, second, *_ = dashboard()["panels"]
    assert (first["title"], first["targets"][0]["expr"]) == (
        "Frames per second",
        'max(frames_per_second{instance=~"$instance",size="second"})',
    )
    assert (second["title"], second["targets"][0]["expr"]) == (
        "Unique users per minute",
        'max(frames_unique_users{instance=~"$instance",size="minute"})',
    )
    assert (first["gridPos"]["y"], second["gridPos"]["y"]) == (0, 0)


def test_the_dashboard_asks_the_prometheus_that_is_provisioned_about_the_instances_that_are_chosen() -> None:
    assert "style" not in dashboard(), "light or dark as the browser has it"
    for title, target in targets():
        assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}, title
        assert len(re.findall(r"(?:frames|process)_\w+", target["expr"])) == target["expr"].count("$instance"), title


def test_colours_are_told_apart_by_the_colour_blind_and_no_two_series_of_a_panel_have_the_same() -> None:
    for panel in dashboard()["panels"]:
        assert set(COLOUR.findall(str(panel))) <= SAFE, panel["title"]
        defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
        colours = [colour for override in overrides for colour in COLOUR.findall(str(override))]
        assert len(colours) == len(set(colours)), panel["title"]
        if panel["type"] == "timeseries" and defaults["color"]["mode"] == "palette-classic":
            named = {override["matcher"]["options"] for override in overrides}
            legends = {target["legendFormat"] for target in panel["targets"]}
            assert {legend for legend in legends if "{{" not in legend} <= named, "no colour is left to chance"
