"""The client properties of the application, as Flink is given them."""

from pathlib import Path

import pytest

from metrics.frames.flink import rejected, script
from metrics.frames.flink.connection import java_properties, options, without_secrets
from metrics.frames.flink.settings import FlinkSettings
from metrics.wording.errors import SettingsError

PLAIN = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule"
KEY = "-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\n"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nghi\n-----END CERTIFICATE-----\n"

USER = {
    "KAFKA_SECURITY_PROTOCOL": "sasl_ssl",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": 'it\'s "right"',
}


def settings_of(variables: dict[str, str]) -> FlinkSettings:
    return FlinkSettings.load({"BOOTSTRAP_SERVERS": "broker:9092", **variables})


def test_without_client_properties_only_the_brokers_are_named() -> None:
    assert options(settings_of({})) == "'properties.bootstrap.servers' = 'broker:9092'"


@pytest.mark.parametrize(
    ("servers", "with_ports"),
    [
        ("broker", "broker:9092"),
        (" a:1 ,,b:2", "a:1,b:2"),
        ("PLAINTEXT://a", "a:9092"),
        ("[::1]:9093,::1", "[::1]:9093,[::1]:9092"),
    ],
)
def test_every_broker_has_a_port_without_which_the_java_client_refuses_it(servers: str, with_ports: str) -> None:
    assert options(settings_of({"BOOTSTRAP_SERVERS": servers})) == f"'properties.bootstrap.servers' = '{with_ports}'"


def test_brokers_that_are_not_known_have_the_name_of_their_variable() -> None:
    assert options(settings_of({"BOOTSTRAP_SERVERS": ""})) == "'properties.bootstrap.servers' = '${BOOTSTRAP_SERVERS}'"


def test_a_user_becomes_a_login_module_of_the_connector() -> None:
    assert java_properties(settings_of(USER)) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": f'{SCRAM} required username="me" password="it\'s \\"right\\"";',
    }
    plain = java_properties(settings_of(USER | {"KAFKA_SASL_MECHANISM": "PLAIN"}))
    assert plain["sasl.jaas.config"].startswith(f"{PLAIN} required")


def test_a_quote_in_a_password_ends_no_text_of_the_sql() -> None:
    assert 'password="it\'\'s \\"right\\"";\'' in options(settings_of(USER))


def test_a_line_break_or_a_backslash_in_a_password_is_escaped() -> None:
    found = java_properties(settings_of(USER | {"KAFKA_SASL_PASSWORD": "a\nb\rc\\n"}))
    assert found["sasl.jaas.config"].endswith(r'password="a\nb\rc\\n";')


def test_words_of_sql_in_a_password_are_text() -> None:
    awkward = USER | {"KAFKA_SASL_PASSWORD": "';-- EXECUTE STATEMENT SET BEGIN"}
    for job in (script, rejected):
        assert len(job.statements(settings_of(awkward))) == len(job.statements(settings_of({})))


def test_each_certificate_of_a_file_has_a_line_and_what_is_written_between_them_is_left_out(tmp_path: Path) -> None:
    """The Java client takes the last of several in one line, and nothing of a line is a comment of SQL."""
    name = "Zertifizierungsstelle Zürich\n".encode("latin-1")
    (tmp_path / "ca.crt").write_bytes(name + CERTIFICATE.encode() + name + CERTIFICATE.replace("ghi", "jkl").encode())
    settings = settings_of({"KAFKA_SSL_CA_LOCATION": f"{tmp_path}/ca.crt"})
    expected = (
        "'properties.ssl.truststore.certificates' = '-----BEGIN CERTIFICATE----- ghi -----END CERTIFICATE-----\n"
        "-----BEGIN CERTIFICATE----- jkl -----END CERTIFICATE-----'"
    )
    assert expected in options(settings)
    assert sum(statement.count(expected) for statement in script.statements(settings)) == 3


def test_certificates_are_sent_themselves(tmp_path: Path) -> None:
    for name, text in {"ca.crt": CERTIFICATE, "me.crt": CERTIFICATE, "me.key": KEY}.items():
        (tmp_path / name).write_text(text)
    found = java_properties(
        settings_of(
            {
                "KAFKA_SECURITY_PROTOCOL": "SSL",
                "KAFKA_SSL_CA_LOCATION": f"{tmp_path}/ca.crt",
                "KAFKA_SSL_CERTIFICATE_LOCATION": f"{tmp_path}/me.crt",
                "KAFKA_SSL_KEY_LOCATION": f"{tmp_path}/me.key",
                "KAFKA_SSL_KEY_PASSWORD": "opened",
                "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "none",
            }
        )
    )
    assert found == {
        "security.protocol": "SSL",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "-----BEGIN CERTIFICATE----- ghi -----END CERTIFICATE-----",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "-----BEGIN CERTIFICATE----- ghi -----END CERTIFICATE-----",
        "ssl.keystore.key": "-----BEGIN PRIVATE KEY----- abc def -----END PRIVATE KEY-----",
        "ssl.key.password": "opened",
        "ssl.endpoint.identification.algorithm": "",
    }


def test_a_file_with_a_key_and_its_certificate_is_sent_as_both_and_the_key_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_text(KEY + CERTIFICATE)
    settings = settings_of({"KAFKA_SSL_CERTIFICATE_LOCATION": str(file), "KAFKA_SSL_KEY_LOCATION": str(file)})
    assert java_properties(settings) == {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "-----BEGIN CERTIFICATE----- ghi -----END CERTIFICATE-----",
        "ssl.keystore.key": "-----BEGIN PRIVATE KEY----- abc def -----END PRIVATE KEY-----",
    }
    for text in (script.script(without_secrets(settings)), rejected.script(without_secrets(settings))):
        assert "ghi" in text
        assert "abc def" not in text


def test_a_file_of_kafkas_own_tools_is_known_to_flink_too(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    (tmp_path / "client.properties").write_text(
        "bootstrap.servers=tls:9093\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
        'username="me" password="right";\n'
        f"ssl.truststore.type=PEM\nssl.truststore.location={tmp_path}/ca.pem\n"
    )
    settings = FlinkSettings.load({"KAFKA_CONFIG": f"{tmp_path}/client.properties"})
    assert settings.bootstrap_servers == "tls:9093"
    assert java_properties(settings) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": f'{SCRAM} required username="me" password="right";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": "-----BEGIN CERTIFICATE----- ghi -----END CERTIFICATE-----",
    }


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"KAFKA_SSL_KEYSTORE_LOCATION": "x.p12"}, "Flink cannot be given KAFKA_SSL_KEYSTORE_LOCATION"),
        ({"KAFKA_ENABLE_SSL_CERTIFICATE_VERIFICATION": "false"}, "KAFKA_ENABLE_SSL_CERTIFICATE_VERIFICATION"),
        ({"KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "p4ss"}, "KAFKA_SASL_PASSWORD, KAFKA_SASL_USERNAME"),
        (USER | {"KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM=GSSAPI cannot be used"),
        ({"KAFKA_SSL_CA_LOCATION": "/none/ca.crt"}, "KAFKA_SSL_CA_LOCATION='/none/ca.crt' cannot be read"),
        ({"KAFKA_SSL_CA_LOCATION": "/"}, "KAFKA_SSL_CA_LOCATION='/' cannot be read"),
        ({"KAFKA_SSL_CA_LOCATION": "/dev/null"}, "it contains no certificate or key"),
        ({"KAFKA_SSL_CERTIFICATE_PEM": CERTIFICATE}, "KAFKA_SSL_KEY_LOCATION is not set"),
        ({"KAFKA_SSL_KEY_PEM": KEY}, "Flink cannot be given KAFKA_SSL_KEY_PEM"),
        (
            {"KAFKA_SSL_CERTIFICATE_PEM": CERTIFICATE, "KAFKA_SSL_KEY_PEM": KEY.replace("PRIVATE", "RSA PRIVATE")},
            "PKCS #8",
        ),
    ],
)
def test_a_property_without_counterpart_is_refused(variables: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        options(settings_of(variables))
    assert message in str(refused.value)
    assert "p4ss" not in str(refused.value)


def test_what_is_no_property_of_the_applications_client_is_left_out() -> None:
    assert java_properties(settings_of({"KAFKA_SERVICE_HOST": "10.0.0.1"})) == {}


def test_what_is_printed_names_the_variables_of_secrets() -> None:
    variables = USER | {"KAFKA_SSL_CERTIFICATE_PEM": CERTIFICATE, "KAFKA_SSL_KEY_LOCATION": "/none/me.key"}
    settings = without_secrets(settings_of(variables))
    for text in (script.script(settings), rejected.script(settings)):
        assert 'password="${KAFKA_SASL_PASSWORD}"' in text
        assert "'properties.ssl.keystore.key' = '${KAFKA_SSL_KEY_PEM}'" in text
        assert "right" not in text


def test_both_jobs_connect_all_their_tables_with_the_same_properties() -> None:
    settings = settings_of(USER)
    assert script.script(settings).count(options(settings)) == 3
    assert rejected.script(settings).count(options(settings)) == 2
    assert all("right" not in text or "sasl.jaas.config" in text for text in script.statements(settings))
