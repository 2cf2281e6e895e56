"""Alerts and dashboard as files: by Prometheus' own checks, and as people see them."""

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from tests.deploy.observing import DASHBOARDS, FOLDER, alerts, dashboard, panels, program, targets

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


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_a_title_and_a_meaning_and_lie_beside_each_other(name: str) -> None:
    taken: Counter[tuple[int, int]] = Counter()
    for panel in dashboard(name)["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        taken.update((at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"]))
    assert set(taken.values()) == {1}
    assert len(taken) == 24 * (1 + max(y for _, y in taken)), "no hole"
    assert len({panel["id"] for panel in dashboard(name)["panels"]}) == len(dashboard(name)["panels"])


def test_the_dashboard_of_frames_begins_with_the_two_results() -> None:
    first, second, *_ = panels("frames")
    assert (first["title"], first["targets"][0]["expr"]) == (
        "Frames per second",
        'max(frames_per_second{instance=~"$instance",size="second"})',
    )
    assert (second["title"], second["targets"][0]["expr"]) == (
        "Unique users per minute",
        'max(frames_unique_users{instance=~"$instance",size="minute"})',
    )
    assert (first["gridPos"]["y"], second["gridPos"]["y"]) == (0, 0)
    for panel in (first, second):
        shown = panel["fieldConfig"]["defaults"]
        assert (shown["unit"], shown["decimals"], len(shown["thresholds"]["steps"])) == ("short", 0, 1)


def test_the_dashboard_of_views_has_rows_for_what_is_taken_and_what_is_counted() -> None:
    rows: dict[str, list[str]] = {}
    for panel in dashboard("views")["panels"]:
        if panel["type"] == "row":
            rows[panel["title"]] = []
        else:
            [*rows.values()][-1].append(panel["title"])
    assert rows == {
        "Taken": [
            *("Lines taken per second", "Rejected lines", "Open requests"),
            *("Lines per second, by outcome", "Rejected lines, by reason"),
        ],
        "Counted": [
            *("State", "Events counted per second", "Lag", "Duplicates", "Users", "Last commit"),
            *("Records per second, by outcome", "Lag by partition"),
            *("Duration of commits", "Records in a transaction", "Outages"),
        ],
        "Processes": ["CPU", "Memory"],
    }


def test_a_figure_turns_red_where_its_alert_looks() -> None:
    limits = {
        (name, panel["title"]): panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1]["value"]
        for name in DASHBOARDS
        for panel in panels(name)
        if len(panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])) > 1
    }
    assert limits == {
        ("frames", "Lag"): 10_000,
        ("frames", "Error rate"): 0.01,
        ("frames", "Last commit"): 10,
        ("views", "Rejected lines"): 0.05,
        ("views", "Lag"): 100_000,
        ("views", "Last commit"): 10,
    }
    asked = {rule["alert"]: rule["expr"] for rule in alerts()}
    for alert, figure in (
        ("FramesLagGrows", ("frames", "Lag")),
        ("FramesErrorRateHigh", ("frames", "Error rate")),
        ("ViewsRejectedRateHigh", ("views", "Rejected lines")),
        ("ViewsLagGrows", ("views", "Lag")),
    ):
        assert asked[alert].rstrip().endswith(f" > {limits[figure]}"), alert


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_for_metrics_of_its_system_that_are_documented(name: str) -> None:
    page = (FOLDER.parent / "metrics.md").read_text(encoding="utf-8")
    documented = set(re.findall(rf"^\| `({name}_\w+)`", page, re.MULTILINE))
    asked = {
        found for _, target in targets(name) for found in re.findall(r"\b(?!process_)[a-z]+_\w+(?=\{)", target["expr"])
    }
    assert {re.sub("_bucket$", "", found) for found in asked} <= documented
    left_out = {
        "frames": {
            "frames_job_info",
            "frames_lost_total",
            "frames_position_offset",
            "frames_watermark_timestamp_seconds",
        },
        "views": {"views_job_info"},
    }
    assert documented - {re.sub("_bucket$", "", found) for found in asked} == left_out[name]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_asks_the_prometheus_that_is_provisioned_about_the_instances_that_are_chosen(name: str) -> None:
    assert "style" not in dashboard(name), "light or dark as the browser has it"
    assert dashboard(name)["uid"] == name
    [instance] = dashboard(name)["templating"]["list"]
    assert (
        re.findall(rf"{name}_[\w(|)]+", instance["definition"])
        == {
            "frames": ["frames_ready"],
            "views": ["views_(ready|lines_total)"],
        }[name]
    )
    for title, target in targets(name):
        assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}, title
        assert len(re.findall(rf"(?:{name}|process)_\w+", target["expr"])) == target["expr"].count("$instance"), title


def test_the_dashboards_lead_to_each_other() -> None:
    assert {name: [link["url"] for link in dashboard(name)["links"]] for name in DASHBOARDS} == {
        "frames": ["/d/views"],
        "views": ["/d/frames"],
    }


@pytest.mark.parametrize("name", DASHBOARDS)
def test_colours_are_told_apart_by_the_colour_blind_and_no_two_series_of_a_panel_have_the_same(name: str) -> None:
    for panel in panels(name):
        assert set(COLOUR.findall(str(panel))) <= SAFE, panel["title"]
        defaults, overrides = panel["fieldConfig"]["defaults"], panel["fieldConfig"]["overrides"]
        colours = [colour for override in overrides for colour in COLOUR.findall(str(override))]
        assert len(colours) == len(set(colours)), panel["title"]
        if panel["type"] == "timeseries" and defaults["color"]["mode"] == "palette-classic":
            named = {override["matcher"]["options"] for override in overrides}
            legends = {target["legendFormat"] for target in panel["targets"]}
            assert {legend for legend in legends if "{{" not in legend} <= named, "no colour is left to chance"
