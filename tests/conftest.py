"""What all tests share: the Kafka and the PostgreSQL they run against, their markers, and what is said at the end.

The Kafka is the first there is of BOOTSTRAP_SERVERS, a Docker engine, the local broker; the PostgreSQL is the first of
DATABASE_URL, a Docker engine, the local database.
"""

import gc
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import pytest
from hypothesis import settings

from metrics.java import processes
from metrics.kafka import local_broker
from metrics.postgres import local_server
from metrics.postgres.connect import connect
from metrics.wording.errors import MetricsError
from tests.examples import LONG
from tests.kafka import quick_start
from tests.kafka.application import Application, end_all_started
from tests.postgres.databases import create_database, drop_database, empty_database, with_database

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# The last line of images that testcontainers can start: in those of 8.x, the scripts that it runs are gone.
IMAGE = "confluentinc/cp-kafka:7.9.0"

POSTGRES_IMAGE = "postgres:17"

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")

# Which Kafka and which PostgreSQL the tests ran against, and which versions of it beside that.
KAFKA, POSTGRES, VERSIONS = pytest.StashKey[str](), pytest.StashKey[str](), pytest.StashKey[str]()
_TAKEN = {"Kafka": KAFKA, "PostgreSQL": POSTGRES, "Versions of PostgreSQL": VERSIONS}


def _part(text: str) -> tuple[int, int]:
    number, parts = map(int, text.split("/"))
    return number % parts, parts


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="where the pictures of the page go that its test takes")
    parser.addoption("--long", action="store_true", help="run the long tests, too: more kills, histories, versions")
    parser.addoption(
        "--slow-part", metavar="K/N", type=_part, help="of the slow tests run the K-th of N parts; K may be any number"
    )
    parser.addoption("--rewrite-examples", action="store_true", help="write into docs/ what the commands there print")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        settings.register_profile(LONG, settings())
        settings.load_profile(LONG)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand them from a worker of pytest-xdist to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output |= {what: session.config.stash[key] for what, key in _TAKEN.items() if key in session.config.stash}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Take them from a worker."""
    output, config = getattr(node, "workeroutput", {}), getattr(node, "config", None)
    for what, key in _TAKEN.items():
        if what in output and config is not None:
            before = config.stash.get(key, None)
            config.stash[key] = f"{before}; {output[what]}" if before else output[what]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for what, key in _TAKEN.items():
        if taken := config.stash.get(key, None):
            terminalreporter.write_line(f"{what} of these tests: {taken}")
    if not config.getoption("--long"):
        terminalreporter.write_line("Left out: the long tests (more kills, histories, versions); --long runs them, too")
    if part := config.getoption("--slow-part"):
        terminalreporter.write_line(f"Left out: all slow tests but part {part[0]} of {part[1]} (--slow-part)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests, unless they are asked for, and the slow ones of other parts than the one asked for."""
    left_out = {item for item in items if _is_left_out(config, item)}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=[*left_out])


def _is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("long") and not config.getoption("--long"):
        return True
    part: tuple[int, int] | None = config.getoption("--slow-part")
    if part is None or not item.get_closest_marker("slow"):
        return False
    number, parts = part
    return crc32(item.nodeid.encode()) % parts != number


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that need the shared servers; those with servers of their own say so themselves."""
    names = getattr(item, "fixturenames", ())
    if "bootstrap_servers" in names:
        item.add_marker("broker")
    if "database_server" in names:
        item.add_marker("database")
    if "flink" in names:
        item.add_marker("flink")
    if "browser" in names:
        item.add_marker("browser")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("broker"):
        quick_start.prepare()


@pytest.fixture(scope="session")
def bootstrap_servers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a real Kafka; without any, the tests that want it fail and say what to install."""
    with _running(_BROKER, pytestconfig, tmp_path_factory) as address:
        pytestconfig.stash[KAFKA] += f", {address}"
        yield address


@pytest.fixture(scope="session")
def database_server(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a real PostgreSQL; without any, the tests that want it fail and say what to install."""
    with _running(_POSTGRES, pytestconfig, tmp_path_factory) as url:
        pytestconfig.stash[POSTGRES] += f", {_version(url)}"
        yield url


@pytest.fixture(scope="session")
def _database(database_server: str) -> Iterator[str]:
    name = create_database(database_server)
    yield with_database(database_server, name)
    drop_database(database_server, name)


@pytest.fixture
def database_url(_database: str) -> Iterator[str]:
    """Give the URL of an empty database, in which nothing runs; emptied again at the end.

    Creating one for each test would take 0.3 s of processor time each, emptying it takes a tenth.
    """
    yield _database
    empty_database(_database)


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Give Chromium; only to one file, since an event loop runs beside its tests."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        missing = "no Chromium on the PATH: apt-get install --no-install-recommends chromium fonts-dejavu-core"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


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
def _broker_that_is_killed(folder: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Run a local broker; it is not stopped in order, which with the topics of all tests would take it over 30 s."""
    with local_broker.running(folder, say) as address:
        yield address
        for process in processes.of_folder(folder.resolve()):
            process.kill()


def _version(url: str) -> str:
    with closing(connect(url)) as connection:
        return f"{connection.info.parameter_status('server_version')}"


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


@contextmanager
def _database_container(config: pytest.Config) -> Iterator[str]:
    from testcontainers.community.postgres import PostgresContainer

    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")  # sockets to the engine
    with PostgresContainer(POSTGRES_IMAGE, driver=None) as database:
        yield database.get_connection_url()


class _Server(NamedTuple):
    """A server that all tests share, and where it may be."""

    key: pytest.StashKey[str]
    variable: str
    image: str
    name: str
    container: Callable[[pytest.Config], AbstractContextManager[str]]
    local: Callable[[Path, Callable[[str], None]], AbstractContextManager[str]]


_BROKER = _Server(KAFKA, "BOOTSTRAP_SERVERS", IMAGE, "local broker", _container, _broker_that_is_killed)
_POSTGRES = _Server(
    POSTGRES, "DATABASE_URL", POSTGRES_IMAGE, "local database", _database_container, local_server.shared
)


@contextmanager
def _running(server: _Server, config: pytest.Config, folders: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of the first one there is, and keep for the end of all tests which it was."""
    if address := os.environ.get(server.variable):
        config.stash[server.key] = server.variable
        yield address
    elif _docker_answers():
        config.stash[server.key] = f"{server.image} in Docker"
        with server.container(config) as address:
            yield address
    else:
        config.stash[server.key] = f"the {server.name}"
        folder = folders.mktemp(server.name)
        try:
            with server.local(folder, print) as address:
                yield address
        except MetricsError as error:
            pytest.fail(str(error), pytrace=False)
        finally:
            shutil.rmtree(folder / "data", ignore_errors=True)  # its logs stay, to examine a failure
