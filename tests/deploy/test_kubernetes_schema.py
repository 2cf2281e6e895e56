"""The manifests of deploy/kubernetes/base by Kubernetes' own schemas, which a package has. No cluster runs here."""

import copy
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy.manifests import BASE, JOB, Manifest, kustomization, manifests

# The first that knows every field (`unhealthyPodEvictionPolicy`), and the newest that the package has.
VERSIONS = ("1.26", "1.37")
# Of labels and resources any name is allowed, and the selector of a Service is labels, too.
OF_ANY_NAME = {"labels", "matchLabels", "requests", "limits"}


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def with_misspelt_fields(manifest: Manifest) -> Iterator[Manifest]:
    """Yield a copy for each mapping of an object, with its last field misspelt."""
    free = OF_ANY_NAME | ({"selector"} if manifest["kind"] == "Service" else set())

    def paths(node: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        if isinstance(node, dict):
            if not path or path[-1] not in free:
                yield (*path, list(node)[-1])
            for key, value in node.items():
                yield from paths(value, (*path, key))
        elif isinstance(node, list):
            for index, value in enumerate(node):
                yield from paths(value, (*path, index))

    for *parents, last in paths(manifest, ()):
        changed = node = copy.deepcopy(manifest)
        for step in parents:
            node = node[step]
        node[f"{last}x"] = node.pop(last)
        yield changed


def test_the_kustomization_lists_every_file_and_says_nothing_that_kustomize_does_not_know() -> None:
    assert sorted(kustomization()) == ["apiVersion", "configMapGenerator", "kind", "resources"]
    assert (kustomization()["apiVersion"], kustomization()["kind"]) == (
        "kustomize.config.k8s.io/v1beta1",
        "Kustomization",
    )
    [settings] = kustomization()["configMapGenerator"]
    assert settings == {"name": JOB, "envs": ["settings.env"]}
    listed = ["kustomization.yaml", *kustomization()["resources"], *settings["envs"]]
    assert sorted(listed) == sorted(path.name for path in BASE.iterdir())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", [*manifests()], ids=name_of)
def test_every_manifest_has_the_fields_and_types_of_kubernetes(manifest: Manifest, version: str) -> None:
    assert kubernetes_validate.validate(manifest, version, strict=True) == version


@pytest.mark.parametrize("manifest", {found["kind"]: found for found in manifests()}.values(), ids=name_of)
def test_a_misspelt_field_is_found_wherever_it_is(manifest: Manifest) -> None:
    tried = 0
    for changed in with_misspelt_fields(manifest):
        with pytest.raises(
            kubernetes_validate.ValidationError, match=r"Additional properties are not allowed|is a required property"
        ):
            kubernetes_validate.validate(changed, VERSIONS[-1], strict=True)
        tried += 1
    assert tried >= 3


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("replicas", "2", "'2' is not of type 'integer'"),
        ("minReadySeconds", [15], r"\[15\] is not of type 'integer'"),
        ("selector", "app", "'app' is not of type 'object'"),
        ("livenessProbe", {}, r"Additional properties are not allowed \('livenessProbe' was unexpected\)"),
    ],
)
def test_a_wrong_type_and_a_field_in_the_wrong_place_are_found(field: str, value: Any, why: str) -> None:
    [job] = [found for found in manifests() if name_of(found) == f"Deployment {JOB}"]
    job["spec"][field] = value
    with pytest.raises(kubernetes_validate.ValidationError, match=why):
        kubernetes_validate.validate(job, VERSIONS[-1], strict=True)
