"""Variables that begin with KAFKA_: properties of the client, and others."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer

from metrics.frames.settings import Settings
from metrics.kafka import clients
from metrics.wording.errors import SettingsError
from tests.kafka.application import Application, frame

T = 1468244340
# What Kubernetes gives every container of a namespace that has a Service of the name kafka.
OF_KUBERNETES = {
    "KAFKA_SERVICE_HOST": "10.96.17.4",
    "KAFKA_SERVICE_PORT": "9092",
    "KAFKA_SERVICE_PORT_CLIENT": "9092",
    "KAFKA_PORT": "tcp://10.96.17.4:9092",
    "KAFKA_PORT_9092_TCP": "tcp://10.96.17.4:9092",
    "KAFKA_PORT_9092_TCP_PROTO": "tcp",
    "KAFKA_PORT_9092_TCP_PORT": "9092",
    "KAFKA_PORT_9092_TCP_ADDR": "10.96.17.4",
}
NO_EFFECT = "warning: these variables have no effect, because the Kafka client has no such properties: "


def unknown(**variables: str) -> list[str]:
    return clients.unknown_properties(Settings.load(variables))


def test_variables_of_a_kubernetes_service_called_kafka_are_ignored_with_a_warning(
    application: Application, tmp_path: Path
) -> None:
    application.variables |= OF_KUBERNETES
    assert NO_EFFECT + ", ".join(sorted(OF_KUBERNETES)) + "\n" in application.prepare(tmp_path, [frame(T, "a")])
    assert NO_EFFECT in application.run("--until-end")
    assert application.minutes() == [(T, 1, 1.0, 0, 1)]


def test_a_misspelt_property_is_named(application: Application, tmp_path: Path) -> None:
    application.variables["KAFKA_SECRITY_PROTOCOL"] = "PLAINTEXT"
    assert NO_EFFECT + "KAFKA_SECRITY_PROTOCOL\n" in application.prepare(tmp_path, [frame(T, "a")])


def test_a_wrong_value_of_a_property_is_an_error(application: Application) -> None:
    application.variables["KAFKA_SECURITY_PROTOCOL"] = "PLAINTXT"
    said = application.run("topics", exit_code=2)
    assert 'Invalid value "PLAINTXT" for configuration property "security.protocol"' in said
    assert "hint: correct what is set of: KAFKA_SECURITY_PROTOCOL" in said


def test_a_file_of_the_client_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = f"{tmp_path}/gone.pem"
    own = {"KAFKA_SECURITY_PROTOCOL": "SSL", "BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    for variable in ("KAFKA_SSL_CA_LOCATION", "KAFKA_SSL_CERTIFICATE_LOCATION", "KAFKA_SSL_KEY_LOCATION"):
        with pytest.raises(SettingsError) as caught:
            clients.open_observer(Settings.load(own | {variable: missing}))
        first, second = caught.value.why.split("\n")
        assert first == f"{variable}={missing!r}: cannot be read: No such file or directory"
        assert " failed: error:" in second


@pytest.mark.parametrize(
    "name",
    [
        "SECURITY_PROTOCOL",
        "SASL_MECHANISM",
        "SASL_MECHANISMS",
        "SASL_PASSWORD",
        "SASL_OAUTHBEARER_CONFIG",
        "SSL_CA_LOCATION",
        "SSL_KEY_PEM",
        "CLIENT_ID",
        "DEBUG",
        "FETCH_WAIT_MAX_MS",
        "QUEUED_MAX_MESSAGES_KBYTES",
        "COMPRESSION_TYPE",
        "PARTITIONER",
        "LINGER_MS",
        "SOCKET_TIMEOUT_MS",
        "BROKER_ADDRESS_FAMILY",
        # properties of the Java client, which this one refuses with a word of what to set instead
        "SASL_JAAS_CONFIG",
        "SSL_TRUSTSTORE_LOCATION",
    ],
)
def test_a_property_of_the_client_is_known(name: str) -> None:
    assert unknown(**{f"KAFKA_{name}": "x"}) == []


@pytest.mark.parametrize(
    ("name", "of_client"),
    [
        ("PORT", "port"),
        ("ADVERTISED_LISTENERS", "advertised.listeners"),
        ("VERSION", "version"),
        ("SECRITY_PROTOCOL", "secrity.protocol"),
        ("_", "."),
        ("ÄÖ", "äö"),
        ("DEFAULT_TOPIC_CONFIG", "default.topic.config"),  # of the Python client, and takes a dictionary
    ],
)
def test_other_names_are_unknown(name: str, of_client: str) -> None:
    assert unknown(**{f"KAFKA_{name}": "x"}) == [of_client]


def test_the_client_is_opened_without_unknown_properties(bootstrap_servers: str) -> None:
    settings = Settings.load({"BOOTSTRAP_SERVERS": bootstrap_servers, **OF_KUBERNETES, "KAFKA_CLIENT_ID": "x"})
    consumer = clients.open_observer(settings)
    assert isinstance(consumer, Consumer)
    consumer.close()
