"""deploy/kubernetes/base held against the settings, the commands, the image and the docs: what no schema knows."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from metrics.application.serve import ServerSettings
from metrics.cli.serving import PORT
from metrics.frames.settings import Settings
from metrics.settings.declared import Declared
from metrics.views.settings import ViewsSettings
from tests.deploy.manifests import BASE, JOB, ROOT, SERVE, VIEWS_COUNT, Manifest, container, kustomization, named, pods

SETTINGS: dict[str, type[Declared]] = {JOB: Settings, SERVE: ServerSettings, VIEWS_COUNT: ViewsSettings}
JOBS = [JOB, VIEWS_COUNT]
OWN, KAFKA = "frames-metrics", "frames-metrics-kafka"
KAFKA_FOLDER, OWN_FOLDER = "/run/secrets/kafka", "/run/secrets/frames-metrics"
SECRETS = {
    OWN: {"API_TOKEN": "swordfish", "DATABASE_URL": "postgresql://metrics:swordfish@postgres:5432/metrics"},
    KAFKA: {"client.properties": "security.protocol=SSL\n"},
}


def environment(name: str) -> dict[str, str]:
    """Return the variables of a Deployment's container: those of settings.env, and its own."""
    assert container(name)["envFrom"] == [{"configMapRef": {"name": "frames-metrics"}}]
    lines = (BASE / "settings.env").read_text(encoding="utf-8").splitlines()
    common = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    return common | {variable["name"]: variable["value"] for variable in container(name)["env"]}


def mounted(name: str) -> dict[str, dict[str, str]]:
    """Return the files that a container sees, by the folder: of each, the key of its Secret."""
    volumes = {volume["name"]: volume for volume in pods()[name]["volumes"]}
    mounts = container(name)["volumeMounts"]
    assert sorted(volumes) == sorted(mount["name"] for mount in mounts)
    secrets = {mount["mountPath"]: volumes[mount["name"]].get("secret") for mount in mounts}
    return {
        folder: {item["path"]: item["key"] for item in secret["items"]}
        if "items" in secret
        else {key: key for key in SECRETS[secret["secretName"]]}
        for folder, secret in secrets.items()
        if secret is not None
    }


def loaded(name: str, folder: Path) -> dict[str, Any]:
    """Return the settings as a container reads them, with the files of its Secrets under a folder."""
    values = {key: text for keys in SECRETS.values() for key, text in keys.items()}
    told = environment(name)
    for place, files in mounted(name).items():
        inside = folder / place.removeprefix("/")
        inside.mkdir(parents=True)
        for path, key in files.items():
            (inside / path).write_text(f"{values[key]}\n", encoding="utf-8")
        told = {variable: value.replace(place, str(inside)) for variable, value in told.items()}
    settings = SETTINGS[name].load(told)
    assert {variable.removesuffix("_FILE") for variable in told} <= {
        field.name.upper() for field in dataclasses.fields(SETTINGS[name])
    }
    default = dataclasses.asdict(SETTINGS[name]())
    return {field: value for field, value in dataclasses.asdict(settings).items() if value != default[field]}


KAFKA_TOLD = {"bootstrap_servers": "kafka:9093"}
SCRAPED = {"metrics_port": 9464, "metrics_host": "0.0.0.0"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (JOB, SCRAPED),
        (VIEWS_COUNT, {**SCRAPED, "database_url": SECRETS[OWN]["DATABASE_URL"]}),
        (
            SERVE,
            {
                "database_url": SECRETS[OWN]["DATABASE_URL"],
                "api_token": "swordfish",
                "harvest_dir": "/tmp/harvest",
            },
        ),
    ],
)
def test_each_container_reads_its_settings_and_the_files_of_its_secrets(
    name: str, expected: dict[str, Any], tmp_path: Path
) -> None:
    told = loaded(name, tmp_path)
    assert told.pop("kafka_config") == str(tmp_path / "run/secrets/kafka/client.properties")
    assert told.pop("client_properties") == {"security.protocol": "SSL"}
    assert told == {**KAFKA_TOLD, **expected}


def test_no_container_sees_a_secret_that_it_does_not_need() -> None:
    assert {name: {folder: sorted(files) for folder, files in mounted(name).items()} for name in SETTINGS} == {
        JOB: {KAFKA_FOLDER: ["client.properties"]},
        SERVE: {KAFKA_FOLDER: ["client.properties"], OWN_FOLDER: ["API_TOKEN", "DATABASE_URL"]},
        VIEWS_COUNT: {KAFKA_FOLDER: ["client.properties"], OWN_FOLDER: ["DATABASE_URL"]},
    }


@pytest.mark.parametrize("name", JOBS)
def test_a_job_is_asked_for_health_where_it_serves_it_and_has_a_standby_that_is_never_ready(name: str) -> None:
    assert container(name)["ports"] == [{"name": "metrics", "containerPort": 9464}]
    assert container(name)["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    assert "readinessProbe" not in container(name)
    deployment = named("Deployment")[name]
    assert (deployment["replicas"], deployment["minReadySeconds"]) == (2, 15)
    [spread] = pods()[name]["topologySpreadConstraints"]
    assert spread["labelSelector"] == deployment["selector"] == named("PodDisruptionBudget")[name]["selector"]


def test_serve_is_asked_for_health_where_it_listens_and_stays_in_its_service_during_an_outage() -> None:
    assert container(SERVE)["ports"] == [{"name": "http", "containerPort": PORT}]
    asked = {"path": "/healthz", "port": "http"}
    assert container(SERVE)["livenessProbe"]["httpGet"] == asked
    assert container(SERVE)["readinessProbe"]["httpGet"] == asked
    service = named("Service")[SERVE]
    assert service["selector"] == named("Deployment")[SERVE]["selector"]["matchLabels"]
    assert service["ports"] == [{"name": "http", "port": 80, "targetPort": "http"}]


def test_the_job_of_frames_runs_without_arguments_and_the_others_run_commands_that_there_are() -> None:
    assert "args" not in container(JOB)
    for name in (SERVE, VIEWS_COUNT):
        command = [sys.executable, "app.py", *container(name)["args"], "--help"]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 0, ended.stderr
        options = [argument for argument in container(name)["args"] if argument.startswith("--")]
        assert all(option in ended.stdout for option in options)


@pytest.mark.parametrize("name", SETTINGS)
def test_every_container_is_of_the_image_and_may_do_nothing_that_it_does_not_need(name: str) -> None:
    pod, app = pods()[name], container(name)
    assert (app["name"], app["image"], "command" in app) == ("app", "frames-metrics", False)
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert app["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (pod["automountServiceAccountToken"], pod["enableServiceLinks"]) == (False, False)
    assert {*app["resources"]["requests"], *app["resources"]["limits"]} == {"cpu", "memory"}
    [user] = re.findall(r"^USER (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "by number, so that Kubernetes sees that it is not root"


def selected(selector: Manifest) -> set[str]:
    """Return the Deployments whose pods a selector of labels selects."""
    labels = {name: spec["template"]["metadata"]["labels"] for name, spec in named("Deployment").items()}
    wanted = {key: [value] for key, value in selector.get("matchLabels", {}).items()}
    for expression in selector.get("matchExpressions", []):
        assert expression["operator"] == "In"
        wanted[expression["key"]] = expression["values"]
    return {name for name, own in labels.items() if all(own.get(key) in values for key, values in wanted.items())}


def test_deployments_select_their_own_pods_alone() -> None:
    for name, spec in named("Deployment").items():
        assert selected(spec["selector"]) == {name}


def test_nothing_comes_in_but_scrapes_and_requests_and_nothing_goes_out_but_to_the_servers() -> None:
    policies = named("NetworkPolicy")
    assert {name: selected(policy["podSelector"]) for name, policy in policies.items()} == {
        "frames-metrics": set(SETTINGS),
        "frames-metrics-database": {SERVE, VIEWS_COUNT},
        "frames-metrics-serve": {SERVE},
    }
    assert policies["frames-metrics"]["policyTypes"] == ["Ingress", "Egress"], "else all is allowed"
    rules = {
        name: {way: list(policy.get(way, [])) for way in ("ingress", "egress")} for name, policy in policies.items()
    }
    ports = {
        (name, way): [[port["port"] for port in rule["ports"]] for rule in found]
        for name, ways in rules.items()
        for way, found in ways.items()
        if found
    }
    assert ports == {
        ("frames-metrics", "ingress"): [["metrics"]],
        ("frames-metrics", "egress"): [[53, 53], [9092, 9093]],
        ("frames-metrics-database", "egress"): [[5432]],
        ("frames-metrics-serve", "ingress"): [["http"]],
    }
    assert all(rule["from"] for ways in rules.values() for rule in ways["ingress"])
    port = int(environment(JOB)["BOOTSTRAP_SERVERS"].rpartition(":")[2])
    assert port in ports["frames-metrics", "egress"][1]


def test_the_overlay_of_the_docs_names_the_image_the_settings_and_every_secret() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    [text] = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    overlay = yaml.safe_load(text)
    assert {key: overlay[key] for key in ("apiVersion", "kind")} == {
        key: kustomization()[key] for key in ("apiVersion", "kind")
    }
    assert overlay["resources"] == [f"../{BASE.name}"]
    assert [image["name"] for image in overlay["images"]] == ["frames-metrics"]
    [settings] = overlay["configMapGenerator"]
    assert (settings["name"], settings["behavior"]) == (kustomization()["configMapGenerator"][0]["name"], "merge")
    Settings.load(dict(literal.split("=", 1) for literal in settings["literals"]))
    secrets = {secret["name"]: secret["files"] for secret in overlay["secretGenerator"]}
    assert secrets == {OWN: ["API_TOKEN", "DATABASE_URL"], KAFKA: ["client.properties", "ca.pem"]}
