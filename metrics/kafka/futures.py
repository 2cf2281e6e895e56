"""Calls that may never return, with a time limit."""

from collections.abc import Callable
from concurrent.futures import Future, wait
from threading import Thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from metrics.time.deadline import Deadline

WAIT_S = 0.5

# Limit for an answer of the broker. The client's own timeouts have been observed not to fire.
ASK_TIMEOUT_S = 10.0


def result(future: Future[Any], limit_s: float) -> Any:
    """Return the result of a request. The client's own timeout has been observed not to fire.

    Raises:
        KafkaException: the request failed, or had no result within limit_s seconds.
    """
    try:
        return future.result(limit_s)
    except TimeoutError:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer came")) from None
    finally:
        del future  # the error references this frame


def begin(step: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function in a new thread, and return the future of its outcome."""
    outcome: Future[Any] = Future()
    Thread(target=_run, args=(outcome, step, arguments), name=f"bounded {step}", daemon=True).start()
    return outcome


def _run(outcome: Future[Any], step: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        outcome.set_result(step(*arguments))
    except BaseException as error:  # raised to the caller of result()
        outcome.set_exception(error)
    finally:
        # The error references this frame. Without a cycle, a failed client is freed with its last reference.
        del outcome, step, arguments


def _nothing() -> None: ...


def has_come(outcome: Future[Any], limit_s: float, meanwhile: Callable[[], None], step_s: float = WAIT_S) -> bool:
    """Wait for an outcome; return whether it came within limit_s seconds.

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
    """Call a function in a new thread, which is abandoned if it does not return in time.

    Args:
        limit_s: the limit in seconds.
        meanwhile: called every WAIT_S seconds until then.

    Raises:
        TimeoutError: it did not return within limit_s seconds.
    """
    outcome = begin(step, *arguments)
    has_come(outcome, limit_s, meanwhile)
    try:
        return outcome.result(0)
    finally:
        del outcome  # the error references this frame
