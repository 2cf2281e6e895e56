"""What is in deploy/, held against the settings, the exit codes and the image. deploy/standin is run by try-compose."""

import configparser
import dataclasses
import re
from pathlib import Path
from typing import Any

import yaml

from metrics.errors import SettingsError, StateError, TopicError
from metrics.frames.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "frames-metrics.service")
    return dict(parser["Service"])


def pod() -> dict[str, Any]:
    manifest = yaml.safe_load((DEPLOY / "kubernetes.yaml").read_text(encoding="utf-8"))
    assert manifest["spec"]["selector"]["matchLabels"] == manifest["spec"]["template"]["metadata"]["labels"]
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def test_systemd_starts_again_whatever_another_start_may_mend() -> None:
    ends = sorted(kind.exit_code for kind in (SettingsError, TopicError, StateError))
    assert unit()["RestartPreventExitStatus"] == " ".join(map(str, ends)) == "2 5 7"
    assert unit()["Restart"] == "on-failure"


def test_systemd_runs_the_application_of_this_project_with_the_packages_beside_it() -> None:
    python, script = unit()["ExecStart"].split()
    assert python == f"{unit()['WorkingDirectory']}/.venv/bin/python"
    assert (ROOT / script).is_file()


def test_kubernetes_asks_for_health_where_the_application_serves_it() -> None:
    [container] = pod()["containers"]
    told = {variable["name"]: variable["value"] for variable in container["env"]}
    assert set(told) <= {field.name.upper() for field in dataclasses.fields(Settings)}
    taken = Settings.load(told)
    [port] = container["ports"]
    assert (taken.metrics_port, taken.metrics_host) == (port["containerPort"], "0.0.0.0")
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port["name"]}
    assert "args" not in container
    assert "command" not in container


def test_kubernetes_can_see_that_the_image_is_not_root() -> None:
    assert pod()["securityContext"]["runAsNonRoot"] is True
    [user] = re.findall(r"^USER (.*)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert pod()["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_stand_ins_are_for_images_that_compose_and_the_dockerfile_name() -> None:
    script = (DEPLOY / "standin" / "images").read_text(encoding="utf-8")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    named = {service["image"].partition(":")[0] for service in services.values()}
    made = set(re.findall(r'--tag "\$\(image (\S+)\)"', script))
    assert made == {"confluentinc/cp-server", "postgres", "prom/prometheus"}
    assert made <= named
