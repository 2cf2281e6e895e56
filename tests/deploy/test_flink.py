"""The files for a Flink of one's own: profile of compose, image, Kubernetes; held against the local Flink and its jars.

Neither Docker nor Kubernetes runs here. What Flink's jars know is asked of them.
"""

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from metrics.frames.flink.local_cluster import jars
from metrics.frames.flink.local_cluster.settings import FLINK_VERSION, TASK_MANAGERS, Ports, configuration
from metrics.frames.flink.settings import FlinkSettings
from tests.deploy.test_compose import NOT_IN_COMPOSE, OF_ONE, ROOT, compose, environment_of

# What differs from the local Flink: addresses, ports, sizes and folders.
OF_A_PLACE = re.compile(
    r".*(?:address|host|port|dirs?)|sql-gateway\..*|taskmanager\.(?:(?:memory|cpu)\..*|numberOfTaskSlots)"
)
# Of Flink's image: its file systems and reporters are in folders beside the class path.
S3_PLUGIN = f"flink-s3-fs-presto-{FLINK_VERSION}.jar"
REPORTER = "org.apache.flink.metrics.prometheus.PrometheusReporterFactory"


def flink_properties() -> dict[str, str]:
    """Return the settings as Flink's image reads them: a line each, split at the first colon, without any blank."""
    lines = re.sub(r"[ \t]", "", environment_of("flink-jobmanager")["FLINK_PROPERTIES"]).splitlines()
    return {name: value for name, _, value in (line.partition(":") for line in lines)}


def deployment() -> dict[str, Any]:
    manifest = yaml.safe_load((ROOT / "deploy/kubernetes/flink/deployment.yaml").read_text(encoding="utf-8"))
    assert (manifest["apiVersion"], manifest["kind"]) == ("flink.apache.org/v1beta1", "FlinkDeployment")
    spec: dict[str, Any] = manifest["spec"]
    return spec


def local_settings() -> dict[str, str]:
    settings = configuration(Path("/folder"), Ports(1, 2, 3))
    return {name: str(value).replace(" ", "") for name, value in settings.items() if not OF_A_PLACE.fullmatch(name)}


def test_compose_gives_flink_the_settings_of_the_local_one() -> None:
    assert len(local_settings()) == 12
    assert flink_properties() == local_settings() | {
        "jobmanager.rpc.address": "flink-jobmanager",
        "rest.address": "flink-jobmanager",
        "jobmanager.memory.process.size": "1g",
        "taskmanager.memory.process.size": "1536m",
        "taskmanager.numberOfTaskSlots": "2",
        "execution.checkpointing.dir": "file:///opt/flink/state/checkpoints",
        "execution.checkpointing.savepoint-dir": "file:///opt/flink/state/savepoints",
        "metrics.reporter.prom.factory.class": REPORTER,
        "metrics.reporter.prom.port": "9249",
    }


def test_kubernetes_gives_flink_the_settings_of_the_local_one_but_for_the_interval_of_checkpoints() -> None:
    interval = "execution.checkpointing.interval"  # set by the SQL
    expected = {name: value for name, value in local_settings().items() if name != interval}
    found = deployment()["flinkConfiguration"]
    assert {name: found[name] for name in expected} == expected
    assert found["taskmanager.numberOfTaskSlots"] == "2"
    assert all(type(value) is str for value in found.values())
    assert {name: value for name, value in found.items() if "s3:" in value} == {
        "execution.checkpointing.dir": "s3://BUCKET/frames/checkpoints",
        "execution.checkpointing.savepoint-dir": "s3://BUCKET/frames/savepoints",
        "high-availability.storageDir": "s3://BUCKET/frames/ha",
    }


def test_every_process_of_flink_in_compose_has_the_same_settings_and_the_volume_of_its_states() -> None:
    services = compose()["services"]
    flink = [services[name] for name in ("flink-jobmanager", "flink-taskmanager", "flink-gateway")]
    assert len({service["environment"]["FLINK_PROPERTIES"] for service in flink}) == 1
    assert [service["volumes"] for service in flink] == [["flink-state:/opt/flink/state"]] * 3
    assert "flink-state" in compose()["volumes"]
    assert [service.get("build") for service in flink] == ["deploy/flink", None, None]
    assert flink[1]["deploy"] == {"replicas": TASK_MANAGERS}


def test_the_application_finds_the_gateway_where_it_listens() -> None:
    gateway = compose()["services"]["flink-gateway"]
    options = dict(option.removeprefix("-D").split("=") for option in gateway["command"] if option.startswith("-D"))
    prefix = "sql-gateway.endpoint.rest."
    assert options == {f"{prefix}address": "flink-gateway", f"{prefix}bind-address": "0.0.0.0"}
    told = FlinkSettings.load(environment_of("flink-submit"))
    assert told.flink_url == "http://flink-gateway:8083"
    own = {"flink_url": told.flink_url, "bootstrap_servers": "broker:29092"}
    assert dataclasses.asdict(told) == {**dataclasses.asdict(FlinkSettings()), **own}


def test_every_setting_of_flink_can_be_given_to_compose() -> None:
    left_out = NOT_IN_COMPOSE | {"local_flink_dir"}
    served = {name.upper() for name in OF_ONE["page"] | OF_ONE["app"]}
    names = {field.name.upper() for field in dataclasses.fields(FlinkSettings) if field.name not in left_out}
    assert names - served <= set(environment_of("flink-submit")) <= names
    given = {"FLINK_TOPIC_SUFFIX": "-by-flink", "FLINK_PARALLELISM": "4"}
    assert environment_of("flink-submit", given)["FLINK_TOPIC_SUFFIX"] == "-by-flink"
    assert compose(given)["services"]["flink-submit"]["command"][-1] == "4"


def test_a_command_that_replaces_that_of_compose_gives_a_job_as_many_tasks() -> None:
    page = (ROOT / "docs/flink.md").read_text(encoding="utf-8")
    [restoring] = re.findall(r"^docker compose .* flink-submit (flink run .*) --restore", page, re.MULTILINE)
    assert restoring.split() == compose()["services"]["flink-submit"]["command"]


def test_the_image_is_flinks_own_with_the_connector_of_the_local_flink() -> None:
    text = (ROOT / "deploy/flink/Dockerfile").read_text(encoding="utf-8")
    [base] = re.findall(r"^FROM (\S+)$", text, re.MULTILINE)
    assert base == f"flink:{FLINK_VERSION}-java17"
    connector = jars.CONNECTOR
    path = f"{connector.group.replace('.', '/')}/{connector.name}/{connector.version}"
    assert f"https://repo1.maven.org/maven2/{path}/{connector.name}-{connector.version}.jar" in text.split()
    folder = flink_properties()["execution.checkpointing.dir"].removeprefix("file://").removesuffix("/checkpoints")
    assert f"RUN mkdir --parents {folder} && chown flink:flink {folder}" in text
    assert text.rstrip().endswith("USER flink")
    assert "python" not in text.lower().replace("no python", "")


def test_the_operator_runs_the_sql_that_the_application_prints() -> None:
    spec = deployment()
    [container] = spec["podTemplate"]["spec"]["containers"]
    assert container["name"] == "flink-main-container", "the name by which the operator knows it"
    [mount], [volume] = container["volumeMounts"], spec["podTemplate"]["spec"]["volumes"]
    assert mount["name"] == volume["name"]
    assert spec["job"]["args"] == ["--scriptUri", f"file://{mount['mountPath']}/frames.sql"]
    assert spec["job"]["upgradeMode"] == "savepoint"
    assert set(spec) <= {
        *("restartNonce", "image", "flinkVersion", "mode", "serviceAccount", "flinkConfiguration", "podTemplate"),
        *("jobManager", "taskManager", "job"),
    }
    assert spec["image"].endswith(f":{FLINK_VERSION}")
    assert spec["flinkVersion"] == "v" + "_".join(FLINK_VERSION.split(".")[:2])
    assert {"name": "ENABLE_BUILT_IN_PLUGINS", "value": S3_PLUGIN} in container["env"]
    [port] = container["ports"]
    assert str(port["containerPort"]) == spec["flinkConfiguration"]["metrics.reporter.prom.port"]
    assert spec["job"]["parallelism"] % int(spec["flinkConfiguration"]["taskmanager.numberOfTaskSlots"]) == 0


def constants(found: list[Path]) -> Iterator[bytes]:
    """Yield the bytes of each class that declares settings."""
    for jar in found:
        with ZipFile(jar) as archive:
            for name in archive.namelist():
                if re.search(r"(?:Options|Options\$\w+|ConfigConstants|TraceOptions)\.class$", name):
                    yield archive.read(name)


@pytest.fixture(scope="module")
def class_path() -> list[Path]:
    return jars.class_path(print)


@pytest.mark.flink
def test_flink_knows_every_setting(class_path: list[Path]) -> None:
    names = {*flink_properties(), *deployment()["flinkConfiguration"], *configuration(Path("/folder"), Ports())}
    wanted = {re.sub(r"^metrics\.reporter\.prom\.|^sql-gateway\.endpoint\.rest\.", "", name) for name in names}
    known = set[str]()
    for data in constants(class_path):
        # A string of a class file: a tag, its length in two bytes, and its bytes.
        known |= {name for name in wanted if b"\x01" + len(name).to_bytes(2, "big") + name.encode() in data}
    assert wanted - known == set()
    assert len(wanted) > 30


@pytest.mark.flink
def test_the_checksum_of_the_connector_is_that_of_its_jar_and_the_class_of_the_job_exists(
    class_path: list[Path],
) -> None:
    by_name = {path.name: path for path in class_path}
    connector = by_name[f"{jars.CONNECTOR.name}-{jars.CONNECTOR.version}.jar"]
    [checksum] = re.findall(r"sha256:(\w+)", (ROOT / "deploy/flink/Dockerfile").read_text(encoding="utf-8"))
    assert hashlib.sha256(connector.read_bytes()).hexdigest() == checksum
    job = deployment()["job"]
    assert Path(job["jarURI"]).name in by_name
    with ZipFile(by_name[f"flink-table-runtime-{FLINK_VERSION}.jar"]) as archive:
        assert job["entryClass"].replace(".", "/") + ".class" in archive.namelist()
