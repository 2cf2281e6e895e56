"""Calls that may never return, given up after some time."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any

from confluent_kafka import KafkaError, KafkaException


def result(future: Future[Any], limit_s: float) -> Any:
    """Return what a question to the broker brought. The client's own timeout was seen not to come.

    Raises:
        KafkaException: it brought an error, or nothing within limit_s seconds.
    """
    try:
        return future.result(limit_s)
    except TimeoutError:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer came")) from None


def call(limit_s: float, step: Callable[..., Any], *arguments: Any) -> Any:
    """Call something in a thread of its own, which is left behind if it does not return in time.

    Raises:
        TimeoutError: it did not return within limit_s seconds.
    """
    outcome: Future[Any] = Future()

    def run() -> None:
        try:
            outcome.set_result(step(*arguments))
        except BaseException as error:  # whoever waits for the outcome gets it
            outcome.set_exception(error)

    Thread(target=run, name=f"bounded {step}", daemon=True).start()
    return outcome.result(limit_s)
