"""KAFKA_CONFIG: what is read from files of Kafka's own tools and of kcat, what is refused, and what never shows."""

from pathlib import Path

import pytest

from metrics.kafka.settings import KafkaSettings
from metrics.wording.errors import SettingsError

PASSWORD = "hunter2-swordfish"
LOGIN = "org.apache.kafka.common.security.{}LoginModule required"


def load(text: str, folder: Path, **variables: str) -> KafkaSettings:
    file = folder / "client.properties"
    file.write_text(text, encoding="utf-8")
    return KafkaSettings.load({"KAFKA_CONFIG": str(file), **variables})


def properties(text: str, folder: Path, **variables: str) -> dict[str, str]:
    return load(text, folder, **variables).client_properties


def refusal(text: str, folder: Path, **variables: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load(text, folder, **variables)
    assert PASSWORD not in f"{caught.value} {caught.value!r} {caught.value.args}"
    assert caught.value.exit_code == 2
    return caught.value


def test_a_file_of_kcat_is_read_with_its_brokers(tmp_path: Path) -> None:
    text = f"""\
# from the console of the cluster
bootstrap.servers=broker.example:9093
security.protocol=SASL_SSL
sasl.mechanisms=PLAIN
sasl.username=ada
sasl.password={PASSWORD}
client.id=ccloud
"""
    loaded = load(text, tmp_path)
    assert loaded.bootstrap_servers == "broker.example:9093"
    assert loaded.client_properties == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "PLAIN",
        "sasl.username": "ada",
        "sasl.password": PASSWORD,
        "client.id": "ccloud",
    }
    assert PASSWORD not in repr(loaded)


def test_kcats_other_name_of_the_brokers_is_known(tmp_path: Path) -> None:
    assert load("metadata.broker.list=one:9092,two", tmp_path).bootstrap_servers == "one:9092,two"


def test_the_format_is_that_of_java(tmp_path: Path) -> None:
    text = (
        "\ufeff# a comment\r\n! another one\n\n  client.id = a\\\n   b  \n"
        "security.protocol:SSL\nclient.rack\tr\\u00fc\\t\n"
        "sasl.username=a=b:c\\\\d\nsasl.username=last\\ne  \n"
    )
    assert properties(text, tmp_path) == {
        "client.id": "ab",
        "security.protocol": "SSL",
        "client.rack": "rü",
        "sasl.username": "last\ne",
    }


def test_variables_override_the_file_and_empty_ones_unset_its_properties(tmp_path: Path) -> None:
    text = f"bootstrap.servers=file:1\nclient.id=file\nclient.rack=file\nsasl.password={PASSWORD}\ndebug=all"
    secret = tmp_path / "secret"
    secret.write_text("of-the-file-of-the-secret\n")
    loaded = load(
        text,
        tmp_path,
        BOOTSTRAP_SERVERS="own:2",
        KAFKA_CLIENT_ID="own",
        KAFKA_CLIENT_RACK="",
        KAFKA_SASL_PASSWORD_FILE=str(secret),
        DEBUG="1",  # of another program
    )
    assert loaded.bootstrap_servers == "own:2"
    given = {"client.id": "own", "sasl.password": "of-the-file-of-the-secret", "debug": "all"}
    assert loaded.client_properties == given


@pytest.mark.parametrize(
    ("text", "variables", "left"),
    [
        ("sasl.mechanism=PLAIN", {"KAFKA_SASL_MECHANISMS": "SCRAM-SHA-256"}, {"sasl.mechanisms": "SCRAM-SHA-256"}),
        ("ssl.ca.pem=x", {"KAFKA_SSL_CA_LOCATION": "ca.pem"}, {"ssl.ca.location": "ca.pem"}),
        (
            "ssl.truststore.type=PEM\nssl.truststore.location=file.pem",
            {"KAFKA_SSL_CA_PEM": "x"},
            {"ssl.ca.pem": "x"},
        ),
        (
            "ssl.certificate.location=a\nssl.key.location=a",
            {"KAFKA_SSL_CERTIFICATE_PEM": "x", "KAFKA_SSL_KEY_PEM": "y"},
            {"ssl.certificate.pem": "x", "ssl.key.pem": "y"},
        ),
    ],
)
def test_a_variable_overrides_a_property_that_says_the_same_by_another_name(
    text: str, variables: dict[str, str], left: dict[str, str], tmp_path: Path
) -> None:
    assert properties(text, tmp_path, **variables) == left


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("enable.auto.commit=true", "offsets are committed in the same transaction as the results"),
        ("isolation.level=read_uncommitted", "only committed records are read"),
        ("transactional.id=mine", "it is CONSUMER_GROUP_ID"),
        ("group.id=mine", "set CONSUMER_GROUP_ID instead"),
        ("enable.idempotence=false", "transactions require it"),
        ("auto.offset.reset=earliest", "the starting offset is part of the state"),
        ("acks=1", "transactions require acks=all"),
    ],
)
def test_a_property_that_guarantees_depend_on_is_refused(line: str, reason: str, tmp_path: Path) -> None:
    name = line.partition("=")[0]
    error = refusal(f"{line}\nsasl.password={PASSWORD}", tmp_path)
    assert error.what == f"{tmp_path}/client.properties (KAFKA_CONFIG) cannot be used"
    assert error.why == f"{name} cannot be changed here: {reason}"


def test_a_property_with_the_value_that_the_program_sets_is_allowed(tmp_path: Path) -> None:
    text = "acks=all\nenable.idempotence=true\nenable.auto.commit=false\nisolation.level=READ_COMMITTED"
    assert properties(text, tmp_path) == {}


def test_every_unknown_property_is_refused_by_its_name(tmp_path: Path) -> None:
    error = refusal(f"securty.protocol=SSL\nsasl.pasword={PASSWORD}", tmp_path)
    unknown = ": neither the Kafka client of this program nor its translation has this property"
    assert error.why == f"securty.protocol{unknown}\nsasl.pasword{unknown}"


def test_what_other_programs_read_in_such_a_file_has_no_effect(tmp_path: Path) -> None:
    text = f"""\
schema.registry.url=https://registry.example
basic.auth.user.info=me:{PASSWORD}
key.deserializer=org.apache.kafka.common.serialization.StringDeserializer
default.api.timeout.ms=60000
client.id=
"""
    assert properties(text, tmp_path) == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "No such file or directory"),
        (b"client.id=\xfc", "it is not text in UTF-8: write other characters as \\u and four hexadecimal digits"),
        (
            b"sasl.password=hunter2-swordfish\\u12",
            "a \\u in it is not followed by four hexadecimal digits; a backslash is written twice",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, why: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        KafkaSettings.load({"KAFKA_CONFIG": str(file)})
    assert (caught.value.what, caught.value.why) == (f"KAFKA_CONFIG={str(file)!r} cannot be read", why)
    assert PASSWORD not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    ("login", "user", "password"),
    [
        (
            f'{LOGIN.format("plain.Plain")} username="ada" password="it\'s; \\"$1\\" \\\\ = \\101";',
            "ada",
            'it\'s; "$1" \\ = A',
        ),
        (f"{LOGIN.format('plain.Plain')}\n  username = 'a b'\n  password=plain-text_1 ;", "a b", "plain-text_1"),
        (f'{LOGIN.format("plain.Plain")} password="p" username="u" serviceName="kafka";', "u", "p"),
    ],
)
def test_a_login_of_java_becomes_a_user_and_a_password(login: str, user: str, password: str, tmp_path: Path) -> None:
    escaped = login.replace("\\", "\\\\").replace("\n", " \\\n")
    text = f"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config={escaped}\n"
    assert properties(text, tmp_path) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_by_scram_is_known(mechanism: str, tmp_path: Path) -> None:
    login = LOGIN.format("scram.Scram") + f' username="ada" password="{PASSWORD}";'
    read = properties(f"sasl.jaas.config={login}\nsasl.mechanism={mechanism}", tmp_path)
    assert read == {"sasl.mechanism": mechanism, "sasl.username": "ada", "sasl.password": PASSWORD}


@pytest.mark.parametrize(
    "login",
    [
        'com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true keyTab="/etc/key";',
        "software.amazon.msk.auth.iam.IAMLoginModule required;",
        f'{LOGIN.format("plain.Plain")} username="ada";',
        f'{LOGIN.format("plain.Plain")} username="ada" password="{PASSWORD}"',
        f'{LOGIN.format("plain.Plain")} username="ada" password="{PASSWORD};',
    ],
)
def test_another_login_is_refused_and_not_shown(login: str, tmp_path: Path) -> None:
    error = refusal(f"sasl.mechanism=PLAIN\nsasl.jaas.config={login}", tmp_path)
    assert error.why.startswith("sasl.jaas.config: only a PlainLoginModule or ScramLoginModule with a username and a ")


def test_a_login_without_its_mechanism_is_refused(tmp_path: Path) -> None:
    login = LOGIN.format("plain.Plain") + f' username="ada" password="{PASSWORD}";'
    assert refusal(f"sasl.jaas.config={login}", tmp_path).why == (
        "sasl.jaas.config: needs sasl.mechanism=PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512 beside it"
    )


def test_stores_in_pem_become_files_of_certificates_and_keys(tmp_path: Path) -> None:
    text = f"""\
security.protocol=SSL
ssl.truststore.type=PEM
ssl.truststore.location=/etc/ca.pem
ssl.keystore.type=PEM
ssl.keystore.location=/etc/client.pem
ssl.key.password={PASSWORD}
ssl.endpoint.identification.algorithm=
"""
    assert properties(text, tmp_path) == {
        "security.protocol": "SSL",
        "ssl.ca.location": "/etc/ca.pem",
        "ssl.certificate.location": "/etc/client.pem",
        "ssl.key.location": "/etc/client.pem",
        "ssl.key.password": PASSWORD,
        "ssl.endpoint.identification.algorithm": "none",
    }


def test_certificates_and_keys_in_the_file_get_the_lines_of_pem(tmp_path: Path) -> None:
    line = "a" * 64
    text = f"""\
ssl.truststore.type=PEM
ssl.truststore.certificates=-----BEGIN CERTIFICATE----- {line}bb -----END CERTIFICATE-----
ssl.keystore.type=PEM
ssl.keystore.certificate.chain=-----BEGIN CERTIFICATE-----\\
  {line}\\
  cc==\\
  -----END CERTIFICATE-----
ssl.keystore.key=-----BEGIN PRIVATE KEY----- {PASSWORD.replace("-", "")} -----END PRIVATE KEY-----
"""
    loaded = load(text, tmp_path)
    assert loaded.client_properties == {
        "ssl.ca.pem": f"-----BEGIN CERTIFICATE-----\n{line}\nbb\n-----END CERTIFICATE-----\n",
        "ssl.certificate.pem": f"-----BEGIN CERTIFICATE-----\n{line}\ncc==\n-----END CERTIFICATE-----\n",
        "ssl.key.pem": "-----BEGIN PRIVATE KEY-----\nhunter2swordfish\n-----END PRIVATE KEY-----\n",
    }
    assert "hunter2" not in repr(loaded)


def test_the_clients_own_names_are_preferred_in_a_file_for_both_clients(tmp_path: Path) -> None:
    text = f"""\
sasl.mechanism=PLAIN
sasl.username=ada
sasl.password={PASSWORD}
sasl.jaas.config={LOGIN.format("plain.Plain")} username="other" password="other";
ssl.ca.location=ca.pem
ssl.truststore.location=trust.jks
ssl.truststore.password={PASSWORD}
ssl.certificate.location=client.pem
ssl.key.location=client.pem
ssl.keystore.location=key.jks
ssl.keystore.password={PASSWORD}
"""
    assert properties(text, tmp_path) == {
        "sasl.mechanism": "PLAIN",
        "sasl.username": "ada",
        "sasl.password": PASSWORD,
        "ssl.ca.location": "ca.pem",
        "ssl.certificate.location": "client.pem",
        "ssl.key.location": "client.pem",
    }


@pytest.mark.parametrize("kind", ["JKS", "PKCS12"])
def test_authorities_in_another_format_are_refused_with_the_command_that_converts_them(
    kind: str, tmp_path: Path
) -> None:
    text = f"ssl.truststore.type={kind}\nssl.truststore.location=/etc/my trust.jks\nssl.truststore.password={PASSWORD}"
    assert refusal(text, tmp_path).why == (
        f"ssl.truststore.location='/etc/my trust.jks': must be PEM, not {kind}: convert it with "
        "keytool -list -rfc -keystore '/etc/my trust.jks' > ca.pem, and set ssl.truststore.type=PEM"
    )


def test_a_key_in_pkcs12_is_the_clients_own_format_whatever_its_type_is_called(tmp_path: Path) -> None:
    file = tmp_path / "client.jks"
    file.write_bytes(b"\x30\x82 a sequence of ASN.1")
    text = f"ssl.keystore.location={file}\nssl.keystore.password={PASSWORD}\nssl.key.password={PASSWORD}"
    expected = {"ssl.keystore.location": str(file), "ssl.keystore.password": PASSWORD, "ssl.key.password": PASSWORD}
    assert properties(text, tmp_path) == expected
    assert properties(f"{text}\nssl.keystore.type=PKCS12", tmp_path) == expected


def test_a_key_in_jks_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    file = tmp_path / "client.jks"
    file.write_bytes(b"\xfe\xed\xfe\xed\x00\x00\x00\x02")
    error = refusal(f"ssl.keystore.location={file}\nssl.keystore.password={PASSWORD}", tmp_path)
    assert error.why == (
        f"ssl.keystore.location='{file}': must be PKCS #12 or PEM, not JKS: convert it with "
        f"keytool -importkeystore -srckeystore {file} -destkeystore client.p12 -deststoretype PKCS12"
    )
    missing = refusal(f"ssl.keystore.location={tmp_path}/none", tmp_path)
    assert missing.why == f"ssl.keystore.location='{tmp_path}/none': cannot be read: No such file or directory"
