"""Calls that may never return."""

from concurrent.futures import Future
from threading import Event

import pytest
from confluent_kafka import KafkaError, KafkaException

from metrics.kafka import futures


def test_what_does_not_return_in_time_is_left_behind() -> None:
    never, waited = Event(), Event()
    with pytest.raises(TimeoutError):
        futures.call(0.05, never.wait, meanwhile=waited.set)
    never.set()
    assert waited.is_set()


def test_a_call_gives_what_it_returns_or_raises() -> None:
    assert futures.call(30, max, 1, 2) == 2
    with pytest.raises(ZeroDivisionError):
        futures.call(30, divmod, 1, 0)


def test_a_question_that_is_not_answered_is_an_error_of_the_client() -> None:
    with pytest.raises(KafkaException, match="no answer came") as caught:
        futures.result(Future(), 0.05)
    assert caught.value.args[0].code() == KafkaError._TIMED_OUT
