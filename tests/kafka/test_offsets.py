"""Offsets that the broker does not tell."""

from concurrent.futures import Future
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from metrics.kafka.offsets import offset_ranges
from metrics.wording.errors import BrokerError, DeniedError


class Refusing:
    """An admin client whose requests for offsets fail."""

    def __init__(self, code: int) -> None:
        self.code = code

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        answers: dict[TopicPartition, Future[Any]] = {place: Future() for place in asked}
        for answer in answers.values():
            answer.set_exception(KafkaException(KafkaError(self.code, "no")))
        return answers


def refusing(code: int) -> AdminClient:
    return cast("AdminClient", Refusing(code))


def test_offsets_that_may_not_be_read_are_an_error_that_names_the_permission() -> None:
    with pytest.raises(DeniedError) as refused:
        offset_ranges(refusing(KafkaError.TOPIC_AUTHORIZATION_FAILED), "views", 2)
    assert (refused.value.what, refused.value.why) == (
        "the offsets of the topic views are unknown",
        "views/0: no\nviews/1: no",
    )
    assert refused.value.hint == (
        "allow this user Read on the topics that are read, and Write on those that are written to"
    )


def test_offsets_that_are_refused_for_another_reason_need_no_permission() -> None:
    with pytest.raises(BrokerError) as refused:
        offset_ranges(refusing(KafkaError.INVALID_REQUEST), "views", 1)
    assert (type(refused.value), refused.value.hint) == (BrokerError, "")
