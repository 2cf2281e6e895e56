"""A real Flink and a real broker that lets in only who proves who they are: TLS, certificates, passwords."""

import subprocess
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from metrics.frames.producer import generator
from tests.frames.flink.cluster import Cluster
from tests.frames.flink.records import TIMEOUT_S, run
from tests.kafka import own_kafka
from tests.kafka.application import Application, wait_until
from tests.kafka.certificates import HERE, keystore, make_certificate, make_certificates

pytestmark = [pytest.mark.slow, pytest.mark.flink, pytest.mark.broker, pytest.mark.timeout(900)]

MODULE = "org.apache.kafka.common.security.{}LoginModule required"
FRAMES = [*generator.frames(count=2_000, rate=20, users=100)]
AWKWARD = """it's "so" $1 ${x} $$ \\n; -- {} % ü€ 'EXECUTE STATEMENT SET'"""
RIGHT = "it's $1; right"
KEY_PASSWORD = """op'en "$1" \\;"""


class Guarded(NamedTuple):
    """Broker with a listener for each way to connect.

    Attributes:
        folder: where the certificates are.
        addresses: of the listeners.
    """

    folder: Path
    addresses: dict[str, str]

    def application(self, flink_url: str, variables: Mapping[str, str]) -> Application:
        """Return an application that connects as WAYS says; LISTENER is the listener, FOLDER the folder."""
        given = {name: text.replace("FOLDER", str(self.folder)) for name, text in variables.items()}
        return Application(self.addresses[given.pop("LISTENER")], {"FLINK_URL": flink_url, **given})


SCRAM = {
    "LISTENER": "SCRAM",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SSL_CA_LOCATION": "FOLDER/authorities.crt",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_USERNAME": "me, 'myself' = I",
    "KAFKA_SASL_PASSWORD": AWKWARD,
}
MUTUAL = {
    "LISTENER": "MUTUAL",
    "KAFKA_SECURITY_PROTOCOL": "ssl",
    "KAFKA_SSL_CA_LOCATION": "FOLDER/authorities.crt",
    "KAFKA_SSL_CERTIFICATE_LOCATION": "FOLDER/chain.crt",
    "KAFKA_SSL_KEY_LOCATION": "FOLDER/locked.key",
    "KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD,
}
PLAIN = {
    "LISTENER": "PLAIN",
    "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
    "KAFKA_SSL_CA_LOCATION": "FOLDER/ca.crt",
    "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM": "none",
    "KAFKA_SASL_MECHANISMS": "PLAIN",
    "KAFKA_SASL_USERNAME": "me",
    "KAFKA_SASL_PASSWORD": RIGHT,
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    properties = {
        **make_certificates(folder),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": MODULE.format("scram.Scram") + ";",
        "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.plain.plain.sasl.jaas.config": f'{MODULE.format("plain.Plain")} user_me="{RIGHT}";',
        "listener.name.plain.ssl.keystore.location": str(elsewhere(folder)),
        "listener.name.plain.ssl.keystore.type": "PEM",
    }
    make_chain(folder)
    (folder / "authorities.crt").write_bytes((folder / "ca.crt").read_bytes() + (folder / "other.crt").read_bytes())
    listeners = {"SCRAM": "SASL_SSL", "MUTUAL": "SSL", "PLAIN": "SASL_SSL"}
    with own_kafka.running(folder / "kafka", properties, listeners=listeners) as addresses:
        user = UserScramCredentialUpsertion(
            SCRAM["KAFKA_SASL_USERNAME"], ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4_096), AWKWARD.encode()
        )
        admin = AdminClient({"bootstrap.servers": addresses["OPEN"]})
        admin.alter_user_scram_credentials([user])[user.user].result(TIMEOUT_S)
        known: Any = partial(admin.describe_user_scram_credentials, [user.user])
        wait_until(lambda: known()[user.user].exception(TIMEOUT_S) is None, "the user is known")
        yield Guarded(folder, addresses)


def elsewhere(folder: Path) -> Path:
    """Return the key and certificate of a server of another name."""
    make_certificate(folder, "elsewhere", "-CA", "ca.crt", "-CAkey", "ca.key")
    return keystore(folder, "elsewhere")


def make_chain(folder: Path) -> None:
    """Make a client's certificate that the broker can check with its chain only, and lock its key with a password."""
    make_certificate(folder, "between", "-CA", "ca.crt", "-CAkey", "ca.key")
    make_certificate(folder, "last", "-CA", "between.crt", "-CAkey", "between.key", "-addext", HERE)
    (folder / "chain.crt").write_bytes((folder / "last.crt").read_bytes() + (folder / "between.crt").read_bytes())
    lock = ["openssl", "pkcs8", "-topk8", "-in", "last.key", "-out", "locked.key", "-passout", f"pass:{KEY_PASSWORD}"]
    subprocess.run(lock, cwd=folder, check=True)


@pytest.mark.long
@pytest.mark.parametrize("way", [SCRAM, MUTUAL, PLAIN], ids=["SCRAM", "MUTUAL", "PLAIN"])
def test_flink_is_let_in_as_the_application_is_and_no_secret_is_left_anywhere(
    flink: Cluster, guarded: Guarded, tmp_path: Path, way: dict[str, str]
) -> None:
    application = guarded.application(flink.url, way)
    application.prepare(tmp_path, FRAMES)
    run(application, "--until-end")
    process = application.start("flink", "run", "--until-end")
    command_lines = set[str]()
    while process.poll() is None:
        command_lines |= {" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])}
    said = "".join(process.communicate())
    assert process.returncode == 0, said
    compared = application.answer("flink", "verify", "--json")
    assert compared["agrees"]
    assert compared["sizes"][0]["equal"] > 90

    hidden = secrets(guarded.folder, way)
    assert hidden
    said += application.run("flink", "sql") + application.run("flink", "status")
    logged = [file.read_bytes() for file in flink.folder.rglob("*") if file.is_file()]
    for place in (said, *command_lines):
        assert not any(secret in place for secret in hidden)
    for content in logged:
        assert not any(secret.encode() in content for secret in hidden)


def secrets(folder: Path, way: Mapping[str, str]) -> list[str]:
    """Return what nobody may see: passwords, and a line of the key."""
    passwords = [way[name] for name in ("KAFKA_SASL_PASSWORD", "KAFKA_SSL_KEY_PASSWORD") if name in way]
    return passwords + ([(folder / "locked.key").read_text().splitlines()[3]] if way is MUTUAL else [])
