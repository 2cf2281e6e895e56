"""Calls that may never return, given up after some time."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from metrics.kafka.deadline import Deadline

WAIT_S = 0.5


def result(future: Future[Any], limit_s: float) -> Any:
    """Return what a question to the broker brought. The client's own timeout was seen not to come.

    Raises:
        KafkaException: it brought an error, or nothing within limit_s seconds.
    """
    try:
        return future.result(limit_s)
    except TimeoutError:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer came")) from None
    finally:
        del future  # the error holds this frame


def begin(step: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call something in a thread of its own, and return its future outcome."""
    outcome: Future[Any] = Future()
    Thread(target=_run, args=(outcome, step, arguments), name=f"bounded {step}", daemon=True).start()
    return outcome


def _run(outcome: Future[Any], step: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        outcome.set_result(step(*arguments))
    except BaseException as error:  # raised where the outcome is taken
        outcome.set_exception(error)
    finally:
        # The error holds this frame. Without a cycle, a client that failed is freed with its last user.
        del outcome, step, arguments


def _nothing() -> None: ...


def has_come(outcome: Future[Any], limit_s: float, meanwhile: Callable[[], None], step_s: float = WAIT_S) -> bool:
    """Wait for an outcome, and tell whether it came within limit_s seconds.

    Args:
        meanwhile: called every step_s seconds until then.
    """
    deadline = Deadline(limit_s)
    while not wait([outcome], timeout=min(step_s, deadline.left_s())).done:
        meanwhile()
        if deadline.has_passed():
            return False
    return True


def call(limit_s: float, step: Callable[..., Any], *arguments: Any, meanwhile: Callable[[], None] = _nothing) -> Any:
    """Call something in a thread of its own, which is left behind if it does not return in time.

    Args:
        limit_s: seconds that it may take.
        meanwhile: called every WAIT_S seconds until then.

    Raises:
        TimeoutError: it did not return within limit_s seconds.
    """
    outcome = begin(step, *arguments)
    has_come(outcome, limit_s, meanwhile)
    try:
        return outcome.result(0)
    finally:
        del outcome  # the error holds this frame
