"""The stand-ins of deploy/standin, which `pipenv run try-compose` runs."""

import re

import yaml

from tests.deploy.manifests import ROOT


def test_the_stand_ins_are_for_images_that_compose_and_the_dockerfile_name() -> None:
    script = (ROOT / "deploy" / "standin" / "images").read_text(encoding="utf-8")
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    named = {service["image"].partition(":")[0] for service in services.values()}
    made = set(re.findall(r'--tag "\$\(image (\S+)\)"', script))
    assert made == {"confluentinc/cp-server", "postgres", "prom/prometheus"}
    assert made <= named
