"""Logs on standard error, as people read them and as a log collector does."""

import json
import logging
import re
from collections.abc import Callable, Iterator

import pytest

from metrics.terminal.logs import log_json, log_lines
from metrics.wording.errors import BrokerError

log = logging.getLogger("metrics.kafka.anything")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Give pytest its handlers back."""
    root, house = logging.getLogger(), logging.getLogger("metrics")
    before = [*root.handlers], root.level, house.level
    root.handlers = []
    yield
    root.handlers, root.level, house.level = before


def test_lines_mark_warnings_and_errors_and_leave_information_unmarked(capfd: pytest.CaptureFixture[str]) -> None:
    log_lines("INFO")
    log.debug("not said")
    log.info("connecting to %s …", "one:9092")
    log.warning("100% of the frames are late")
    log.error(BrokerError("no broker answers", why="refused", hint="start it"))
    assert capfd.readouterr().err == (
        "connecting to one:9092 …\nwarning: 100% of the frames are late\n"
        "error: no broker answers\nwhy: refused\nhint: start it\n"
    )


def test_a_record_is_one_line_of_json_with_its_time_in_utc(capfd: pytest.CaptureFixture[str]) -> None:
    log_json("INFO")
    log.warning("two\nlines, \x1b[31mred and ä")
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert said.isascii()
    record = json.loads(said)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("timestamp"))
    assert record == {
        "level": "warning",
        "logger": "metrics.kafka.anything",
        "message": "two\nlines, \x1b[31mred and ä",
    }


@pytest.mark.parametrize(("is_clone", "command"), [(True, "python app.py"), (False, "metrics")])
def test_a_log_names_the_command_that_its_reader_has(
    is_clone: bool, command: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("metrics.terminal.console.IS_CLONE", is_clone)
    for configure in (log_lines, log_json):
        configure("INFO")
        log.error(BrokerError("no topic", hint="list them: python app.py topics"))
    lines, record = capfd.readouterr().err.rsplit("\n", 2)[:2]
    assert lines == f"error: no topic\nhint: list them: {command} topics"
    assert json.loads(record)["hint"] == f"list them: {command} topics"


def test_the_time_of_a_record_is_when_it_was_made(capfd: pytest.CaptureFixture[str]) -> None:
    log_json("INFO")
    record = logging.makeLogRecord({"created": 1_468_244_384.25, "levelno": logging.INFO, "levelname": "INFO"})
    logging.getLogger().handle(record)
    assert json.loads(capfd.readouterr().err)["timestamp"] == "2016-07-11T13:39:44.250Z"


def test_a_metrics_error_is_logged_with_its_cause_and_hint_in_members_of_their_own(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log_json("INFO")
    log.error(BrokerError("no broker answers", why="refused", hint="start it"))
    record = json.loads(capfd.readouterr().err)
    assert (record["message"], record["why"], record["hint"]) == ("no broker answers", "refused", "start it")


@pytest.mark.parametrize("begin", [log_lines, log_json])
def test_a_fault_is_logged_with_its_traceback(capfd: pytest.CaptureFixture[str], begin: Callable[[str], None]) -> None:
    begin("ERROR")
    try:
        int("a fault")
    except ValueError:
        log.exception("it broke")
    said = capfd.readouterr().err
    assert "it broke" in said
    assert "Traceback (most recent call last)" in said
    assert "ValueError: invalid literal for int()" in said


def test_only_warnings_of_libraries_are_logged(capfd: pytest.CaptureFixture[str]) -> None:
    log_lines("DEBUG")
    log.debug("ours")
    logging.getLogger("a.library").info("Started server process")
    logging.getLogger("a.library").warning("Invalid HTTP request received.")
    assert capfd.readouterr().err == "ours\nwarning: Invalid HTTP request received.\n"
    log_lines("ERROR")
    logging.getLogger("a.library").warning("Invalid HTTP request received.")
    assert capfd.readouterr().err == ""
