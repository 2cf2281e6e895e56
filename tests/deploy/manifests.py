"""The manifests of deploy/kubernetes/base, as Kustomize lists them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"
JOB, SERVE, VIEWS_COUNT = "frames-metrics", "frames-metrics-serve", "frames-metrics-views-count"

Manifest = dict[str, Any]


def kustomization() -> Manifest:
    found: Manifest = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))
    return found


def manifests() -> Iterator[Manifest]:
    """Yield every object of the listed files."""
    for name in kustomization()["resources"]:
        yield from yaml.safe_load_all((BASE / name).read_text(encoding="utf-8"))


def named(kind: str) -> dict[str, Manifest]:
    """Return the specifications of a kind by the names of the objects."""
    return {found["metadata"]["name"]: found["spec"] for found in manifests() if found["kind"] == kind}


def pods() -> dict[str, Manifest]:
    """Return the specifications of the pods by the names of their Deployments."""
    return {name: spec["template"]["spec"] for name, spec in named("Deployment").items()}


def container(name: str) -> Manifest:
    """Return the only container of a Deployment's pods."""
    [found] = pods()[name]["containers"]
    assert isinstance(found, dict)
    return found
