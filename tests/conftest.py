"""What the tests are told, and what they tell at their end, whichever process ran them."""

import pytest

# Which Kafka the tests ran against; tests/kafka sets it.
TAKEN = pytest.StashKey[str]()
_WORKER_OUTPUT = "kafka"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--pictures", metavar="FOLDER", help="where the pictures of the page go that its test takes")


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
