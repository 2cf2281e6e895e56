"""Flink's counting beside the application's, and the records of both as bytes."""

from collections.abc import Callable
from typing import NamedTuple

from metrics.time.deadline import Deadline
from tests.kafka.application import Application

ROLES = ("seconds", "minutes")
TIMEOUT_S = 240  # Flink compiles a job's code before it runs, which takes a busy machine a minute


class Written(NamedTuple):
    """Record of a topic."""

    key: bytes | None
    value: bytes | None
    timestamp: tuple[int, int]


def written(application: Application, suffix: str = "") -> list[list[Written]]:
    """Return the committed records of the seconds and of the minutes, in order."""
    return [
        [Written(each.key(), each.value(), each.timestamp()) for each in application.read(role + suffix)]
        for role in ROLES
    ]


def run(application: Application, *arguments: str) -> None:
    """Run a command of the application to its end."""
    process = application.start(*arguments)
    output, errors = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 0, f"{output}\n{errors}"


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds."""
    assert Deadline(TIMEOUT_S).poll(condition, until=bool, every_s=0.5), f"waited in vain until {what}"
