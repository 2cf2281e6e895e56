"""Calls that may never return."""

from concurrent.futures import Future
from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from metrics.kafka import futures


def test_a_call_that_does_not_return_in_time_is_abandoned() -> None:
    never, waited = Event(), Event()
    with pytest.raises(TimeoutError):
        futures.call(0.05, never.wait, meanwhile=waited.set)
    never.set()
    assert waited.is_set()


def test_a_call_returns_the_result_or_raises_the_error() -> None:
    assert futures.call(30, max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        futures.call(30, divmod, 1, 0)


def test_a_request_without_an_answer_is_a_timeout_of_the_client() -> None:
    with pytest.raises(KafkaException, match="no answer came") as caught:
        futures.result(Future(), 0.05)
    assert caught.value.args[0].code() == KafkaError._TIMED_OUT
