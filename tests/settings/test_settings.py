"""The settings: what is read from the environment, what is refused, and what never shows."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from metrics.application.command_line import Application
from metrics.cli.misnamed import misnamed
from metrics.frames.settings import Settings
from metrics.kafka.client_properties import is_secret
from metrics.kafka.settings import GroupId, KafkaSettings
from metrics.settings import declared, listing
from metrics.wording.errors import SettingsError

SETTINGS_PAGE = Path(__file__).parents[2] / "docs/settings.md"
PASSWORD = "hunter2-swordfish"
DEFAULTS: dict[str, Any] = {
    "bootstrap_servers": None,
    "kafka_config": None,
    "consumer_group_id": "frames-metrics",
    "input_topic": "frames",
    "sec_metrics_output_topic": "frames-per-second",
    "min_metrics_output_topic": "unique-users-per-minute",
    "ts_field": "ts",
    "ts_format": "seconds",
    "uid_field": "uid",
    "uid_format": "text",
    "output_stream": None,
    "print_interval": 10_000,
    "rejected_topic": "frames-rejected",
    "lateness_s": 5,
    "future_limit_s": 300,
    "idle_s": 10,
    "align_s": 120,
    "gap_limit_s": 3_600,
    "broker_timeout_s": 60,
    "keep_seconds": 3_600,
    "keep_minutes": 1_440,
    "lag_amber_records": 10_000,
    "lag_red_records": 100_000,
    "rejected_amber_percent": 1,
    "rejected_red_percent": 10,
    "stale_amber_s": 30,
    "stale_red_s": 300,
    "api_token": None,
    "metrics_port": None,
    "metrics_host": "127.0.0.1",
    "local_broker_dir": ".local-broker",
    "log_level": "info",
    "log_format": "text",
    "client_properties": {},
}
A_VALUE_OF_EACH = {
    "BOOTSTRAP_SERVERS": "one:9092,two:9092",
    "CONSUMER_GROUP_ID": "Gruppe für Frames",
    "INPUT_TOPIC": "in",
    "SEC_METRICS_OUTPUT_TOPIC": "per.second",
    "MIN_METRICS_OUTPUT_TOPIC": "per_minute",
    "TS_FIELD": "/event/at~1~0",
    "TS_FORMAT": "iso8601",
    "UID_FIELD": "id.orig_h",
    "UID_FORMAT": "any",
    "OUTPUT_STREAM": "valid-frames",
    "PRINT_INTERVAL": "1",
    "REJECTED_TOPIC": "no",
    "LATENESS_S": "0",
    "FUTURE_LIMIT_S": "86400",
    "IDLE_S": "86400",
    "ALIGN_S": "1",
    "GAP_LIMIT_S": "31536000",
    "BROKER_TIMEOUT_S": "86400",
    "KEEP_SECONDS": "86400",
    "KEEP_MINUTES": "60",
    "LAG_AMBER_RECORDS": "500",
    "LAG_RED_RECORDS": "1000",
    "REJECTED_AMBER_PERCENT": "2",
    "REJECTED_RED_PERCENT": "20",
    "STALE_AMBER_S": "60",
    "STALE_RED_S": "61",
    "API_TOKEN": PASSWORD,
    "METRICS_PORT": "65535",
    "METRICS_HOST": "0.0.0.0",
    "LOCAL_BROKER_DIR": "/somewhere/else",
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "json",
}


def refusal(environment: Mapping[str, str]) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        Settings.load(environment)
    return caught.value


def test_an_empty_environment_gives_the_defaults() -> None:
    assert dataclasses.asdict(Settings.load({})) == DEFAULTS


def test_an_empty_variable_counts_as_unset() -> None:
    empty = dict.fromkeys([*A_VALUE_OF_EACH, "KAFKA_SASL_PASSWORD", "KAFKA_GROUP_ID"], "")
    assert dataclasses.asdict(Settings.load(empty)) == DEFAULTS


def test_every_setting_is_read_from_the_variable_of_its_name() -> None:
    assert dataclasses.asdict(Settings.load(A_VALUE_OF_EACH)) == {
        "bootstrap_servers": "one:9092,two:9092",
        "consumer_group_id": "Gruppe für Frames",
        "input_topic": "in",
        "sec_metrics_output_topic": "per.second",
        "min_metrics_output_topic": "per_minute",
        "ts_field": "/event/at~1~0",
        "ts_format": "iso8601",
        "uid_field": "id.orig_h",
        "uid_format": "any",
        "output_stream": "valid-frames",
        "print_interval": 1,
        "rejected_topic": "no",
        "lateness_s": 0,
        "future_limit_s": 86_400,
        "idle_s": 86_400,
        "align_s": 1,
        "gap_limit_s": 31_536_000,
        "broker_timeout_s": 86_400,
        "keep_seconds": 86_400,
        "keep_minutes": 60,
        "lag_amber_records": 500,
        "lag_red_records": 1_000,
        "rejected_amber_percent": 2,
        "rejected_red_percent": 20,
        "stale_amber_s": 60,
        "stale_red_s": 61,
        "api_token": PASSWORD,
        "metrics_port": 65_535,
        "metrics_host": "0.0.0.0",
        "local_broker_dir": "/somewhere/else",
        "log_level": "WARNING",
        "log_format": "json",
        "kafka_config": None,
        "client_properties": {},
    }


def test_the_token_is_not_shown() -> None:
    assert PASSWORD not in repr(Settings.load({"API_TOKEN": PASSWORD}))


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    error = refusal({"BOOTSTRAP_SERVERS": "user:tr0ub4dor@host:9092,other:9092"})
    assert "BOOTSTRAP_SERVERS='***@host:9092,other:9092'" in error.why
    assert "tr0ub4dor" not in str(error)


def test_variables_that_are_not_settings_are_ignored() -> None:
    foreign = {"PATH": "/bin", "KAFKACAT_CONFIG": "x", "lateness_s": "7", "CLIENT_PROPERTIES": "{}"}
    assert Settings.load(foreign) == Settings.load({})


def test_the_port_that_kubernetes_sets_for_a_service_called_metrics_is_ignored() -> None:
    assert Settings.load({"METRICS_PORT": "tcp://10.96.17.4:9100"}).metrics_port is None


def test_the_process_s_own_environment_is_read_when_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATENESS_S", "7")
    assert Settings.load().lateness_s == 7


@pytest.mark.parametrize(
    ("variable", "text", "allowed"),
    [
        ("PRINT_INTERVAL", "0", "a whole number, 1 or more"),
        ("PRINT_INTERVAL", "often", "a whole number, 1 or more"),
        ("LATENESS_S", "-1", "a whole number, 0 to 86400"),
        ("LATENESS_S", "86401", "a whole number, 0 to 86400"),
        ("LATENESS_S", "1.5", "a whole number, 0 to 86400"),
        ("LATENESS_S", "5s", "a whole number, 0 to 86400"),
        ("LATENESS_S", "true", "a whole number, 0 to 86400"),
        ("LATENESS_S", " ", "a whole number, 0 to 86400"),
        ("FUTURE_LIMIT_S", "59", "a whole number, 60 to 253402300799"),
        ("IDLE_S", "0", "a whole number, 1 to 86400"),
        ("IDLE_S", "99999999999999999999", "a whole number, 1 to 86400"),
        ("GAP_LIMIT_S", "nan", "a whole number, 0 to 31536000"),
        ("LOG_LEVEL", "loud", "debug, info, warning or error"),
        ("LOG_FORMAT", "JSON", "text or json"),
        ("CONSUMER_GROUP_ID", "two\nlines", "text without control characters"),
        ("CONSUMER_GROUP_ID", "frames\n", "text without control characters"),
        ("CONSUMER_GROUP_ID", "\x00", "text without control characters"),
        ("TS_FIELD", "/a~2", "1 to 128 characters; after a / at the beginning, ~ is ~0"),
        ("UID_FIELD", "u" * 129, "1 to 128 characters; after a / at the beginning, ~ is ~0"),
        ("UID_FIELD", "a\n", "1 to 128 characters; after a / at the beginning, ~ is ~0"),
        ("TS_FORMAT", "ms", "seconds, milliseconds, microseconds, iso8601 or kafka"),
        ("UID_FORMAT", "int", "text or any"),
        ("INPUT_TOPIC", "two words", "1 to 249 letters, digits, '.', '_' or '-'"),
        ("INPUT_TOPIC", "frames\n", "1 to 249 letters, digits, '.', '_' or '-'"),
        ("SEC_METRICS_OUTPUT_TOPIC", "sekunden-für-alle", "1 to 249 letters, digits, '.', '_' or '-'"),
        ("MIN_METRICS_OUTPUT_TOPIC", ".", "1 to 249 letters, digits, '.', '_' or '-'"),
        ("REJECTED_TOPIC", "..", "1 to 249 letters, digits, '.', '_' or '-'"),
        ("OUTPUT_STREAM", "a" * 250, "1 to 249 letters, digits, '.', '_' or '-'"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_given_and_what_is_allowed(
    variable: str, text: str, allowed: str
) -> None:
    assert refusal({variable: text}).why == f"{variable}={text!r}: must be {allowed}"


ADDRESSES = "host:port, separated by commas; an IPv6 host in brackets"


def shown(addresses: str) -> str:
    """Return addresses as an error shows them: the part before an @ may be a password."""
    return addresses.replace("ada@", "***@")


@pytest.mark.parametrize(
    "text",
    [
        "localhost:",
        "localhost:0",
        "localhost:99999",
        "localhost:65536",
        "localhost:-1",
        "localhost:kafka",
        "localhost:12abc",
        "one:9092,two:99999",
        "one:9092 two:9092",
        "one:9092;two:9092",
        "one:1:2",
        "http://localhost:9092",
        "://localhost:9092",
        "//localhost:9092",
        "localhost/path",
        "ada@localhost:9092",
        "[::1",
        "[]:9092",
        "::1::2",
        ",",
        " ",
    ],
)
def test_text_that_leads_the_client_to_no_broker_or_to_another_one_is_not_an_address(text: str) -> None:
    assert refusal({"BOOTSTRAP_SERVERS": text}).why == f"BOOTSTRAP_SERVERS={shown(text)!r}: must be {ADDRESSES}"


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "localhost:9092",
        "localhost:1",
        "localhost:65535",
        ":9092",
        "one:9092,two:9093",
        " one:9092 , two ,, ",
        "127.0.0.1:9092\n",
        "[::1]:9092",
        "[::1]",
        "::1",
        "fe80::1%eth0",
        "under_score.example:9092",
        "münchen:9092",
        "PLAINTEXT://localhost:9092",
        "plaintext://localhost",
        "PLAINTEXT://[::1]:9092/",
        "PLAINTEXT://localhost/path",
        "localhost:9092/",
    ],
)
def test_text_that_leads_the_client_to_a_broker_is_an_address(text: str) -> None:
    assert Settings.load({"BOOTSTRAP_SERVERS": text}).bootstrap_servers == text


def test_the_protocol_of_an_address_is_the_one_that_the_client_speaks() -> None:
    """The client drops every other address without an error."""
    both = {"BOOTSTRAP_SERVERS": "SASL_SSL://one:9092,two:9092", "KAFKA_SECURITY_PROTOCOL": "sasl_ssl"}
    assert Settings.load(both).bootstrap_servers == both["BOOTSTRAP_SERVERS"]
    assert refusal({"BOOTSTRAP_SERVERS": "SASL_SSL://one:9092,two:9092"}).why == (
        "BOOTSTRAP_SERVERS names 'SASL_SSL://one:9092', but KAFKA_SECURITY_PROTOCOL is PLAINTEXT: they must be the same"
    )
    assert refusal(both | {"BOOTSTRAP_SERVERS": "SSL://one:9092"}).why == (
        "BOOTSTRAP_SERVERS names 'SSL://one:9092', but KAFKA_SECURITY_PROTOCOL is SASL_SSL: they must be the same"
    )


@pytest.mark.parametrize("topic", ["a", "a" * 249, "...", "Frames_2.0-in"])
def test_a_topic_may_have_any_name_that_kafka_allows(topic: str) -> None:
    assert Settings.load({"INPUT_TOPIC": topic}).input_topic == topic


def test_one_error_names_every_wrong_variable() -> None:
    error = refusal(
        {
            "LATENESS_S": "soon",
            "IDLE_S": "0",
            "GAP_LIMIT_S": "60",
            "INPUT_TOPIC": "my frames",
            "REJECTED_TOPIC": "frames-per-second",
            "KAFKA_GROUP_ID": "mine",
        }
    )
    assert str(error) == (
        "the settings cannot be used\n"
        "why: KAFKA_GROUP_ID='mine': group.id cannot be changed here: set CONSUMER_GROUP_ID instead\n"
        "     INPUT_TOPIC='my frames': must be 1 to 249 letters, digits, '.', '_' or '-'\n"
        "     LATENESS_S='soon': must be a whole number, 0 to 86400\n"
        "     IDLE_S='0': must be a whole number, 1 to 86400\n"
        "     REJECTED_TOPIC='frames-per-second': "
        "must be a topic of its own, but SEC_METRICS_OUTPUT_TOPIC names the same one\n"
        "hint: correct the variables, or unset them"
    )
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        (
            {"INPUT_TOPIC": "t", "OUTPUT_STREAM": "t"},
            "OUTPUT_STREAM='t': must be a topic of its own, but INPUT_TOPIC names the same one",
        ),
        (
            {"MIN_METRICS_OUTPUT_TOPIC": "frames-per-second"},
            (
                "MIN_METRICS_OUTPUT_TOPIC='frames-per-second': "
                "must be a topic of its own, but SEC_METRICS_OUTPUT_TOPIC names the same one"
            ),
        ),
    ],
)
def test_two_roles_in_one_topic_are_refused(environment: dict[str, str], why: str) -> None:
    assert refusal(environment).why == why


def test_a_figure_that_would_be_red_before_it_is_amber_is_refused() -> None:
    error = refusal({"LAG_AMBER_RECORDS": "200000", "STALE_RED_S": "29", "REJECTED_RED_PERCENT": "1"})
    assert error.why == (
        "LAG_RED_RECORDS=100000: must be at least LAG_AMBER_RECORDS, which is 200000\n"
        "STALE_RED_S=29: must be at least STALE_AMBER_S, which is 30"
    )


def test_a_topic_that_was_refused_is_not_compared_by_its_default() -> None:
    why = refusal({"INPUT_TOPIC": "my frames", "OUTPUT_STREAM": "frames"}).why
    assert why == "INPUT_TOPIC='my frames': must be 1 to 249 letters, digits, '.', '_' or '-'"


def test_the_topics_in_use_are_listed_by_the_variables_that_name_them() -> None:
    without_stream = {
        "INPUT_TOPIC": "frames",
        "SEC_METRICS_OUTPUT_TOPIC": "frames-per-second",
        "MIN_METRICS_OUTPUT_TOPIC": "unique-users-per-minute",
        "REJECTED_TOPIC": "frames-rejected",
    }
    assert Settings.load({}).topics() == without_stream
    assert Settings.load({"OUTPUT_STREAM": "valid"}).topics() == {**without_stream, "OUTPUT_STREAM": "valid"}


def test_a_kafka_variable_sets_the_client_property_of_its_name() -> None:
    environment = {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_USERNAME": "ada",
        "KAFKA_SSL_CA_LOCATION": "/etc/ssl/ca.pem",
        "KAFKA_DEBUG": "broker,security",
    }
    assert Settings.load(environment).client_properties == {
        "security.protocol": "SASL_SSL",
        "sasl.username": "ada",
        "ssl.ca.location": "/etc/ssl/ca.pem",
        "debug": "broker,security",
    }


@pytest.mark.parametrize(
    "variable", ["KAFKA_HOME", "KAFKA_OPTS", "KAFKA_HEAP_OPTS", "KAFKA_JMX_OPTS", "KAFKA_LOG4J_OPTS"]
)
def test_variables_of_kafka_s_own_scripts_are_not_client_properties(variable: str) -> None:
    assert Settings.load({variable: "-Xmx1g"}).client_properties == {}


@pytest.mark.parametrize(
    ("variable", "reason"),
    [
        ("KAFKA_BOOTSTRAP_SERVERS", "bootstrap.servers cannot be changed here: set BOOTSTRAP_SERVERS instead"),
        ("KAFKA_METADATA_BROKER_LIST", "metadata.broker.list cannot be changed here: set BOOTSTRAP_SERVERS instead"),
        ("KAFKA_GROUP_ID", "group.id cannot be changed here: set CONSUMER_GROUP_ID instead"),
        ("KAFKA_TRANSACTIONAL_ID", "transactional.id cannot be changed here: it is CONSUMER_GROUP_ID"),
        ("KAFKA_ISOLATION_LEVEL", "isolation.level cannot be changed here: only committed records are read"),
        (
            "KAFKA_ENABLE_AUTO_COMMIT",
            "enable.auto.commit cannot be changed here: offsets are committed in the same transaction as the results",
        ),
        (
            "KAFKA_ENABLE_AUTO_OFFSET_STORE",
            (
                "enable.auto.offset.store cannot be changed here: "
                "offsets are committed in the same transaction as the results"
            ),
        ),
        ("KAFKA_ENABLE_IDEMPOTENCE", "enable.idempotence cannot be changed here: transactions require it"),
        (
            "KAFKA_ENABLE_PARTITION_EOF",
            "enable.partition.eof cannot be changed here: idle partitions are detected by it",
        ),
        (
            "KAFKA_AUTO_OFFSET_RESET",
            "auto.offset.reset cannot be changed here: the starting offset is part of the state",
        ),
        ("KAFKA_ACKS", "acks cannot be changed here: transactions require acks=all"),
    ],
)
def test_properties_that_guarantees_depend_on_are_refused(variable: str, reason: str) -> None:
    assert refusal({variable: "x"}).why == f"{variable}='x': {reason}"


# Every property of librdkafka whose value is a secret, and those of the Java client that people carry over.
SECRET_PROPERTIES = [
    "sasl.password",
    "sasl.jaas.config",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.password",
    "ssl.keystore.key",
    "ssl.truststore.password",
]


@pytest.mark.parametrize("name", SECRET_PROPERTIES)
def test_a_secret_reaches_the_client_and_no_log(name: str) -> None:
    variable = "KAFKA_" + name.upper().replace(".", "_")
    loaded = Settings.load({variable: PASSWORD, "KAFKA_SASL_USERNAME": "ada"})
    assert loaded.client_properties[name] == PASSWORD
    for shown in (
        repr(loaded),
        str(loaded),
        f"{loaded}",
        repr(loaded.client_properties),
        repr({**loaded.client_properties}),
    ):
        assert PASSWORD not in shown
        assert f"'{name}': '***'" in shown
        assert "'sasl.username': 'ada'" in shown


def test_settings_made_by_hand_hide_their_secrets_too() -> None:
    loaded = Settings(client_properties={"sasl.password": PASSWORD})
    assert loaded == Settings.load({"KAFKA_SASL_PASSWORD": PASSWORD})
    copied = dataclasses.replace(loaded, bootstrap_servers="127.0.0.1:9092")
    assert PASSWORD not in repr(loaded) + repr(copied)
    assert copied.client_properties == {"sasl.password": PASSWORD}


def test_no_error_shows_a_secret_that_is_set_beside_a_wrong_value() -> None:
    error = refusal(
        {**{"KAFKA_" + name.upper().replace(".", "_"): PASSWORD for name in SECRET_PROPERTIES}, "LATENESS_S": "soon"}
    )
    assert PASSWORD not in f"{error} {error!r} {error.args}"
    assert error.__cause__ is None


@pytest.mark.parametrize("name", ["sasl.username", "security.protocol", "ssl.ca.location", "ssl.key.location", "debug"])
def test_values_that_are_not_secret_may_be_shown(name: str) -> None:
    assert not is_secret(name)


def test_every_setting_has_its_row_in_the_order_of_declaration() -> None:
    rows = list(listing.rows([Settings]))
    assert [row.variable for row in rows[:16]] == [
        "BOOTSTRAP_SERVERS",
        "KAFKA_CONFIG",
        "KAFKA_…",
        "CONSUMER_GROUP_ID",
        "BROKER_TIMEOUT_S",
        "LOCAL_BROKER_DIR",
        "API_TOKEN",
        "LAG_AMBER_RECORDS",
        "LAG_RED_RECORDS",
        "REJECTED_AMBER_PERCENT",
        "REJECTED_RED_PERCENT",
        "METRICS_PORT",
        "METRICS_HOST",
        "LOG_LEVEL",
        "LOG_FORMAT",
        "INPUT_TOPIC",
    ]
    assert {row.variable for row in rows} == {*A_VALUE_OF_EACH, "KAFKA_CONFIG", "KAFKA_…"}
    assert len(rows) == len(A_VALUE_OF_EACH) + 2
    assert rows[29] == (
        "LATENESS_S",
        "5",
        "a whole number, 0 to 86400",
        "Allowed lateness: how many seconds a frame may be older than the newest one of its partition and still count.",
    )
    assert all(all(row) for row in rows), "a row without a default, an allowed range or a meaning says nothing"


def test_the_documented_table_is_the_one_made_from_the_declarations() -> None:
    _, _, rest = SETTINGS_PAGE.read_text(encoding="utf-8").partition("<!-- settings -->")
    table, end, _ = rest.partition("<!-- /settings -->")
    assert end, "docs/settings.md has no lines <!-- settings --> and <!-- /settings -->"
    lines = ["| variable | default | allowed | meaning |", "|---|---|---|---|"]
    for row in listing.rows(Application.settings):
        default = row.default if row.default == "unset" else f"`{row.default}`"
        lines.append(f"| `{row.variable}` | {default} | {row.allowed} | {row.meaning} |")
    assert table.strip() == "\n".join(lines)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ViewsSettings(KafkaSettings):
    """Settings of a system that comes later: nothing but this class is written for it."""

    consumer_group_id: GroupId = "views"
    views_password: Annotated[
        Annotated[str, Meta(min_length=8)] | None,
        Meta(description="Password of the database. Unset: none is needed.", extra={"is_secret": True}),
    ] = None


def test_a_further_system_declares_a_class_and_its_settings_are_read_checked_and_listed() -> None:
    loaded = ViewsSettings.load({"VIEWS_PASSWORD": PASSWORD, "BROKER_TIMEOUT_S": "7", "LATENESS_S": "soon"})
    assert (loaded.consumer_group_id, loaded.broker_timeout_s, loaded.views_password) == ("views", 7, PASSWORD)
    assert PASSWORD not in repr(loaded)
    listed = [row.variable for row in listing.rows([Settings, ViewsSettings])]
    assert listed == [*(row.variable for row in listing.rows([Settings])), "VIEWS_PASSWORD"]
    assert next(misnamed([Settings, ViewsSettings], {"VIEW_PASSWORD": "x"})) == ("VIEW_PASSWORD", "VIEWS_PASSWORD")


SECRETS = [*dict.fromkeys(listing.secrets(Application.settings))]


def test_the_secrets_are_those_that_the_docs_name_with_their_files() -> None:
    assert {*SECRETS} == {"API_TOKEN", "DATABASE_URL", "FTP_PASSWORD", "STREAM_PASSWORD"}
    documented = SETTINGS_PAGE.read_text(encoding="utf-8")
    assert all(f"`{secret}_FILE`" in documented for secret in SECRETS)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_may_be_in_a_file_whose_last_line_end_does_not_count(tmp_path: Path, end: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(f" {PASSWORD} {end}".encode())
    loaded = Settings.load({"API_TOKEN_FILE": str(file)})
    assert loaded.api_token == f" {PASSWORD} "
    assert PASSWORD not in repr(loaded)


def test_a_file_for_a_setting_that_is_not_secret_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "topic"
    file.write_text("views")
    assert Settings.load({"INPUT_TOPIC_FILE": str(file)}).input_topic == "frames"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "API_TOKEN_FILE='{file}': cannot be read: No such file or directory"),
        (b"\n", "API_TOKEN_FILE='{file}': is empty"),
        (b"hunter2-\xff", "API_TOKEN_FILE='{file}': cannot be read: it is not text in UTF-8"),
    ],
)
def test_a_file_without_a_secret_is_an_error_that_shows_nothing_of_it(
    tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.load({"API_TOKEN_FILE": str(file)})
    assert caught.value.why == why.format(file=file)
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_a_secret_and_a_file_for_it_are_one_too_many(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"API_TOKEN": PASSWORD, "API_TOKEN_FILE": str(tmp_path)})
    assert caught.value.why == "API_TOKEN and API_TOKEN_FILE are both set: unset one of them"


# What each secret may be; a URL has a form of its own.
SECRET_VALUES = {"DATABASE_URL": f"postgresql://me:{PASSWORD}@host/db"}
SECRETS_AND_OWNERS = [
    *((kind, secret) for kind in Application.settings for secret in listing.secrets([kind])),
    *((KafkaSettings, "KAFKA_" + name.upper().replace(".", "_")) for name in SECRET_PROPERTIES),
]


@pytest.mark.parametrize(("kind", "secret"), SECRETS_AND_OWNERS)
def test_every_secret_of_every_system_may_be_in_a_file(
    kind: type[declared.Declared], secret: str, tmp_path: Path
) -> None:
    value = SECRET_VALUES.get(secret, PASSWORD)
    file = tmp_path / "secret"
    file.write_text(f"{value}\n")
    loaded = kind.load({f"{secret}_FILE": str(file)})
    assert loaded == kind.load({secret: value})
    assert loaded != kind.load({})
    assert PASSWORD not in repr(loaded)


@pytest.mark.parametrize(("kind", "secret"), SECRETS_AND_OWNERS)
def test_a_file_of_any_secret_that_cannot_be_used_is_an_error(
    kind: type[declared.Declared], secret: str, tmp_path: Path
) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty"
    empty.write_text("\n")

    def why(**variables: str) -> str:
        with pytest.raises(SettingsError) as caught:
            kind.load(variables)
        return caught.value.why

    variable = f"{secret}_FILE"
    assert why(**{variable: str(missing)}) == f"{variable}='{missing}': cannot be read: No such file or directory"
    assert why(**{variable: str(tmp_path)}) == f"{variable}='{tmp_path}': cannot be read: Is a directory"
    assert why(**{variable: str(empty)}) == f"{variable}='{empty}': is empty"
    assert why(**{variable: str(empty), secret: "x"}) == f"{secret} and {variable} are both set: unset one of them"


def test_a_property_that_names_a_file_itself_is_not_the_file_of_a_secret() -> None:
    variable = "KAFKA_SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE"
    given = Settings.load({variable: "/run/key.pem"}).client_properties
    assert given == {"sasl.oauthbearer.assertion.private.key.file": "/run/key.pem"}


def test_the_variable_of_a_file_with_a_secret_is_no_slip() -> None:
    environment = {f"{secret}_FILE": "/run/secret" for secret in SECRETS}
    assert [*misnamed(Application.settings, environment)] == []


def test_a_secret_that_is_wrong_is_not_shown() -> None:
    with pytest.raises(SettingsError) as caught:
        ViewsSettings.load({"VIEWS_PASSWORD": "short"})
    assert caught.value.why == "VIEWS_PASSWORD=***: must be any text"


def test_a_setting_of_two_systems_is_listed_with_the_default_of_the_first() -> None:
    defaults = {row.variable: row.default for row in listing.rows([Settings, ViewsSettings])}
    assert defaults["CONSUMER_GROUP_ID"] == "frames-metrics"
