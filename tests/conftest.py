"""What all tests share: the Kafka they run against, their markers, and what is said at the end.

The Kafka is the first there is of BOOTSTRAP_SERVERS, a Docker engine, the local broker.
"""

import gc
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from metrics.errors import MetricsError
from metrics.kafka import local_broker
from tests.kafka.application import Application, end_all_started

# The last line of images that testcontainers can start: in those of 8.x, the scripts that it runs are gone.
IMAGE = "confluentinc/cp-kafka:7.9.0"

# Which Kafka the tests ran against.
TAKEN = pytest.StashKey[str]()
_WORKER_OUTPUT = "kafka"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="where the pictures of the page go that its test takes")
    parser.addoption("--rewrite-examples", action="store_true", help="write into docs/ what the commands there print")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand it from a worker of pytest-xdist to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None and (taken := session.config.stash.get(TAKEN, None)):
        output[_WORKER_OUTPUT] = taken


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take it from a worker."""
    taken = getattr(node, "workeroutput", {}).get(_WORKER_OUTPUT)
    config = getattr(node, "config", None)
    if taken and config is not None:
        before = config.stash.get(TAKEN, None)
        config.stash[TAKEN] = f"{before}; {taken}" if before else taken


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if taken := config.stash.get(TAKEN, None):
        terminalreporter.write_line(f"Kafka of these tests: {taken}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that need the shared broker; those with a broker of their own say so themselves."""
    if "bootstrap_servers" in getattr(item, "fixturenames", ()):
        item.add_marker("broker")


@pytest.fixture(scope="session")
def bootstrap_servers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a real Kafka; without any, the tests that want it fail and say what to install."""
    if address := os.environ.get("BOOTSTRAP_SERVERS"):
        pytestconfig.stash[TAKEN] = f"BOOTSTRAP_SERVERS, {address}"
        yield address
    elif _docker_answers():
        with _container(pytestconfig) as address:
            pytestconfig.stash[TAKEN] = f"{IMAGE} in Docker, {address}"
            yield address
    else:
        with _local_broker(tmp_path_factory.mktemp("local broker")) as address:
            pytestconfig.stash[TAKEN] = f"the local broker, {address}"
            yield address


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    """End what a test started, whatever became of it."""
    yield
    end_all_started()


@pytest.fixture
def application(bootstrap_servers: str) -> Application:
    """Give the application with topics and a group of its own."""
    return Application(bootstrap_servers)


@contextmanager
def _local_broker(folder: Path) -> Iterator[str]:
    try:
        with local_broker.running(folder, print) as address:
            yield address
    except MetricsError as error:
        pytest.fail(str(error), pytrace=False)
    finally:
        shutil.rmtree(folder / "data", ignore_errors=True)  # its logs stay, to examine a failure


def _docker_answers() -> bool:
    from docker.errors import DockerException  # type: ignore[import-untyped]
    from testcontainers.core.docker_client import DockerClient

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # it forgets the socket of a failed try
        try:
            client = DockerClient(timeout=3).client
            client.ping()
            client.close()
        except (DockerException, OSError):
            return False
        finally:
            gc.collect()
    return True


@contextmanager
def _container(config: pytest.Config) -> Iterator[str]:
    from testcontainers.community.kafka import KafkaContainer

    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")  # sockets to the engine
    container = KafkaContainer(IMAGE).with_kraft()
    container.with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
    container.with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
    container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    container.with_env("KAFKA_MESSAGE_MAX_BYTES", "16777216")
    with container as kafka:
        yield kafka.get_bootstrap_server()
