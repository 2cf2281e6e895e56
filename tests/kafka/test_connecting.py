"""What a command says when the broker cannot be talked to: a real broker with TLS, certificates and passwords."""

import gc
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import psutil
import pytest

from metrics.frames.producer import send
from metrics.frames.producer.resume import beginning
from metrics.frames.producer.send import Feed
from metrics.frames.settings import Settings
from metrics.kafka import clients
from metrics.kafka.clients import open_admin
from metrics.kafka.reader import PartitionRange
from metrics.kafka.tail import Tail
from metrics.kafka.unreachable import unreachable
from metrics.wording.errors import BrokerError
from tests.kafka import own_kafka
from tests.kafka.application import Application
from tests.kafka.certificates import keystore, make_certificate, make_certificates, make_expired_certificate

pytestmark = pytest.mark.broker

MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule"


@dataclass
class Guarded:
    """A broker with a listener for each way to connect.

    Attributes:
        folder: where the certificates are: `ca.crt`, `other.crt`, and a pair of the client's.
        addresses: of the listeners.
    """

    folder: Path
    addresses: dict[str, str]

    def refused(self, listener: str, **properties: str) -> str:
        """Run a command that the broker does not let in, and return what it says; {} is the folder."""
        variables = {f"KAFKA_{name.upper()}": text.format(self.folder) for name, text in properties.items()}
        return Application(self.addresses[listener], variables).run("status", exit_code=4)


def of_listener(name: str, folder: Path) -> dict[str, str]:
    """Return the properties of a listener that shows a certificate of its own."""
    of = f"listener.name.{name}.ssl.keystore"
    return {f"{of}.type": "PEM", f"{of}.location": str(keystore(folder, name))}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    own = make_certificates(folder)
    make_expired_certificate(folder, "expired")
    make_certificate(folder, "elsewhere", "-CA", "ca.crt", "-CAkey", "ca.key", "-addext", "subjectAltName=DNS:kafka")
    properties = {
        **own,
        "transaction.state.log.replication.factor": "3",
        "listener.name.mutual.ssl.client.auth": "required",
        **of_listener("expired", folder),
        **of_listener("elsewhere", folder),
        "listener.name.password.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.password.plain.sasl.jaas.config": f'{MODULE} required user_me="right";',
    }
    listeners = {"PASSWORD": "SASL_PLAINTEXT", "ABROAD": "PLAINTEXT"}
    listeners |= dict.fromkeys(("TLS", "MUTUAL", "EXPIRED", "ELSEWHERE"), "SSL")
    abroad = {"ABROAD": "kafka.invalid"}
    with own_kafka.running(folder / "kafka", properties, listeners=listeners, advertised=abroad) as addresses:
        yield Guarded(folder, addresses)


TLS = {"security_protocol": "SSL", "ssl_ca_location": "{}/ca.crt"}
PASSWORD = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_username": "me"}


def test_a_client_certificate_lets_a_command_in(guarded: Guarded) -> None:
    pair = {"KAFKA_SSL_CERTIFICATE_LOCATION": "client.crt", "KAFKA_SSL_KEY_LOCATION": "client.key"}
    secured = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_LOCATION": f"{guarded.folder}/ca.crt"}
    files = {variable: f"{guarded.folder}/{file}" for variable, file in pair.items()}
    assert "TOPIC" in Application(guarded.addresses["MUTUAL"], secured | files).run("status", exit_code=5)


def test_plain_text_to_a_port_with_tls(guarded: Guarded) -> None:
    said = guarded.refused("TLS")
    assert "the port speaks TLS: set KAFKA_SECURITY_PROTOCOL to SSL" in said
    assert "start the broker" not in said


def test_tls_to_a_port_without(guarded: Guarded) -> None:
    said = guarded.refused("OPEN", **TLS)
    assert "connecting to a PLAINTEXT broker listener?" in said
    assert "the port does not speak TLS: set KAFKA_SECURITY_PROTOCOL to PLAINTEXT" in said


def test_a_certificate_of_another_authority(guarded: Guarded) -> None:
    said = guarded.refused("TLS", **TLS | {"ssl_ca_location": "{}/other.crt"})
    assert said.splitlines()[-5].startswith("error: no TLS connection to the broker at 127.0.0.1:")
    assert f"why: the certificate of {guarded.addresses['TLS']} is refused here: unable to get local issuer" in said
    assert "\n     SSL handshake failed: error:" in said  # without the address, which is named above
    assert "broker certificate could not be verified" in said
    assert "set KAFKA_SSL_CA_LOCATION to the file of the authority" in said


def test_an_expired_certificate_of_the_broker(guarded: Guarded) -> None:
    said = guarded.refused("EXPIRED", **TLS)
    assert f"why: the certificate of {guarded.addresses['EXPIRED']} is refused here: certificate has expired" in said
    assert "hint: renew the broker's certificate; if it is valid today, correct the clock of this machine" in said


def test_a_certificate_of_another_host(guarded: Guarded) -> None:
    said = guarded.refused("ELSEWHERE", **TLS)
    assert "is refused here: IP address mismatch, certificate is not valid for '127.0.0.1'" in said
    assert "hint: name the broker in BOOTSTRAP_SERVERS as its certificate does" in said
    any_name = TLS | {"ssl_endpoint_identification_algorithm": "none"}
    variables = {f"KAFKA_{name.upper()}": text.format(guarded.folder) for name, text in any_name.items()}
    assert "TOPIC" in Application(guarded.addresses["ELSEWHERE"], variables).run("status", exit_code=5)


@pytest.mark.parametrize(("name", "alert"), [("other", "certificate unknown"), ("expired", "certificate unknown")])
def test_a_certificate_of_the_client_that_the_broker_refuses(guarded: Guarded, name: str, alert: str) -> None:
    pair = {"ssl_certificate_location": f"{{}}/{name}.crt", "ssl_key_location": f"{{}}/{name}.key"}
    said = guarded.refused("MUTUAL", **TLS, **pair)
    assert "error: no TLS connection to the broker at 127.0.0.1:" in said
    assert f"why: {guarded.addresses['MUTUAL']} refuses the certificate of this client: {alert}" in said
    assert "set KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION to one that the broker accepts" in said


@pytest.mark.parametrize(
    ("listener", "ca", "why"),
    [
        ("TLS", "other", "unable to get local issuer"),
        ("EXPIRED", "ca", "certificate has expired"),
        ("ELSEWHERE", "ca", "IP address mismatch"),
        ("MUTUAL", "ca", "refuses the certificate of this client: certificate required"),
    ],
)
def test_a_job_does_not_retry_with_a_certificate_that_is_refused(
    guarded: Guarded, listener: str, ca: str, why: str
) -> None:
    variables = {"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CA_LOCATION": f"{guarded.folder}/{ca}.crt"}
    said = Application(guarded.addresses[listener], variables).run(exit_code=4)
    assert why in said
    assert "retrying for" not in said


def test_an_error_names_the_file_that_has_the_properties(guarded: Guarded, tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text(
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username=me\nsasl.password=incorrect\n"
    )
    said = Application(guarded.addresses["PASSWORD"], {"KAFKA_CONFIG": str(file)}).run("status", exit_code=4)
    assert "error: authentication failed at 127.0.0.1:" in said
    assert f"or correct the same properties in {file}, the file of KAFKA_CONFIG" in said
    assert "incorrect" not in said


def test_a_secured_cluster_without_an_address_is_not_replaced_by_a_local_broker(tmp_path: Path) -> None:
    file = tmp_path / "client.properties"
    file.write_text("security.protocol=SSL\n")
    for command in (["status"], ["--until-end"]):
        said = Application("", {"KAFKA_CONFIG": str(file)}).run(*command, exit_code=2)
        assert "error: no broker is set\nwhy: security.protocol is SSL, but BOOTSTRAP_SERVERS is unset" in said


def test_no_certificate_of_the_client(guarded: Guarded) -> None:
    said = guarded.refused("MUTUAL", **TLS)
    assert "certificate required" in said
    assert "set KAFKA_SSL_CERTIFICATE_LOCATION and KAFKA_SSL_KEY_LOCATION" in said


def test_a_wrong_password(guarded: Guarded) -> None:
    said = guarded.refused("PASSWORD", **PASSWORD, sasl_password="wrong")
    assert "error: authentication failed at 127.0.0.1:" in said
    assert "Authentication failed: Invalid username or password" in said
    assert "set KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD" in said
    assert "wrong" not in said


def test_a_job_with_a_wrong_password_does_not_retry(guarded: Guarded) -> None:
    variables = {f"KAFKA_{name.upper()}": text for name, text in (PASSWORD | {"sasl_password": "wrong"}).items()}
    said = Application(guarded.addresses["PASSWORD"], variables).run(exit_code=4)
    assert "error: authentication failed at 127.0.0.1:" in said
    assert "retrying for" not in said


def test_a_missing_password(guarded: Guarded) -> None:
    assert "if it asks for a password, set KAFKA_SECURITY_PROTOCOL" in guarded.refused("PASSWORD")


def test_an_advertised_name_that_cannot_be_resolved(guarded: Guarded) -> None:
    said = guarded.refused("ABROAD")
    assert "advertises a name that cannot be resolved here" in said
    assert "it advertises kafka.invalid, which cannot be resolved here" in said


def test_a_transaction_log_that_needs_more_nodes_than_the_broker_has(guarded: Guarded) -> None:
    application = Application(guarded.addresses["OPEN"], {"BROKER_TIMEOUT_S": "1"})
    application.run("prepare-topics", "/dev/null")
    said = application.run("--until-end", exit_code=4)
    assert "the broker has no topic __transaction_state, or hides it" in said
    assert "transaction.state.log.replication.factor is above the number of nodes, 1" in said


@pytest.mark.parametrize("command", ["status", "verify", "topics"])
def test_a_refused_connection_is_reported_soon_after_a_line_about_the_attempt(command: str) -> None:
    began_s = time.monotonic()
    said = Application("127.0.0.1:1").run(command, exit_code=4)
    assert time.monotonic() - began_s < 9  # 2 s, on a machine that does nothing else; it was 12 s, and 23 s of verify
    assert said.startswith("connecting to 127.0.0.1:1 …\nerror: no broker answers at 127.0.0.1:1\n")
    assert "Connection refused" in said
    assert "start the broker" in said


def test_the_log_of_the_client_is_shown_on_request(guarded: Guarded) -> None:
    said = Application(guarded.addresses["OPEN"], {"KAFKA_DEBUG": "broker"}).run("topics")
    assert "%7|" in said
    assert "Connected to ipv4#127.0.0.1:" in said


def settings_at(address: str) -> Settings:
    return Settings.load({"BOOTSTRAP_SERVERS": address})


@pytest.fixture
def _no_collection() -> Iterator[None]:
    """Let nothing be freed but what nobody refers to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def fail_to_open(address: str) -> str:
    try:
        open_admin(settings_at(address))
    except BrokerError as error:
        return error.what
    raise AssertionError("a broker answers")


@pytest.mark.usefixtures("_no_collection")
def test_failed_connections_leave_no_thread_and_no_handle() -> None:
    process = psutil.Process()
    threads, handles = process.num_threads(), process.num_fds()
    with ThreadPoolExecutor(10) as tries:
        assert {*tries.map(fail_to_open, ["127.0.0.1:1"] * 10)} == {"no broker answers at 127.0.0.1:1"}
    until_s = time.monotonic() + 3  # the client's threads may still be ending; a call left behind takes 10 s
    while process.num_threads() > threads and time.monotonic() < until_s:
        time.sleep(0.01)
    assert process.num_threads() <= threads
    assert process.num_fds() <= handles


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SSL", "SASL_SSL"])
def test_the_address_of_a_refused_connection_is_said_once(protocol: str) -> None:
    user = {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "me", "KAFKA_SASL_PASSWORD": "mine"}
    variables = {"BOOTSTRAP_SERVERS": "127.0.0.1:1", "KAFKA_SECURITY_PROTOCOL": protocol, **user}
    with pytest.raises(BrokerError) as caught:
        open_admin(Settings.load(variables))
    assert (caught.value.what, caught.value.why) == ("no broker answers at 127.0.0.1:1", "Connection refused")


def test_a_port_that_opens_just_after_refusing_is_not_called_a_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that is just starting."""
    explain = unreachable
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))  # without listening, so that connections are refused
        address = f"127.0.0.1:{port.getsockname()[1]}"

        def explain_later(settings: Settings, codes: list[int], why: str, **more: bool) -> BrokerError:
            port.listen()
            return explain(settings, codes, why, **more)

        monkeypatch.setattr(clients, "unreachable", explain_later)
        with pytest.raises(BrokerError) as caught:
            open_admin(settings_at(address))
    assert caught.value.what == f"no broker answers at {address}"
    assert caught.value.hint.startswith("start the broker, or set BOOTSTRAP_SERVERS")


def test_a_tail_reports_which_broker_is_away_and_why() -> None:
    reported: list[str] = []
    tail = Tail(settings_at("127.0.0.1:1"), [PartitionRange("frames", 0, 0, 0)], reported.append)
    records = tail.records(Event())
    give_up_s = time.monotonic() + 20
    while not reported and time.monotonic() < give_up_s:
        next(records)
    tail.close()
    assert reported == [
        "no answer from the broker: 127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
    ]


def test_a_feed_without_acknowledgements_reports_the_error_of_the_client_without_its_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(send, "UNANSWERED_S", 2.0)
    with pytest.raises(BrokerError) as caught:
        Feed(settings_at("127.0.0.1:1"), beginning(1)).run([b"a frame"], lambda: None)
    assert caught.value.why == (
        "no frame was acknowledged for 2 s; 127.0.0.1:1: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
    )
