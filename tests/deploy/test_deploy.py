"""The unit of systemd, and the stand-ins, which try-compose runs, held against what they are for."""

import configparser
import re
from pathlib import Path

import yaml

from metrics.errors import SettingsError, StateError, TopicError

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "frames-metrics.service")
    return dict(parser["Service"])


def test_systemd_starts_again_whatever_another_start_may_mend() -> None:
    ends = sorted(kind.exit_code for kind in (SettingsError, TopicError, StateError))
    assert unit()["RestartPreventExitStatus"] == " ".join(map(str, ends)) == "2 5 7"
    assert unit()["Restart"] == "on-failure"


def test_systemd_runs_the_application_of_this_project_with_the_packages_beside_it() -> None:
    python, script = unit()["ExecStart"].split()
    assert python == f"{unit()['WorkingDirectory']}/.venv/bin/python"
    assert (ROOT / script).is_file()


def test_the_stand_ins_are_for_images_that_compose_and_the_dockerfile_name() -> None:
    script = (DEPLOY / "standin" / "images").read_text(encoding="utf-8")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    named = {service["image"].partition(":")[0] for service in services.values()}
    made = set(re.findall(r'--tag "\$\(image (\S+)\)"', script))
    assert made == {"confluentinc/cp-server", "postgres", "prom/prometheus"}
    assert made <= named
