"""Where reading resumes, given what is committed and what the topic still has."""

import pytest

from metrics.kafka.job.resuming import resume
from metrics.kafka.offsets import OffsetRange
from metrics.wording.errors import StateError


def test_reading_resumes_from_the_committed_offsets_and_new_partitions_from_their_beginning() -> None:
    ranges = {0: OffsetRange(0, 10), 1: OffsetRange(5, 20), 2: OffsetRange(0, 4)}
    resumption = resume("movies", {0: 10, 1: 5}, ranges, is_recreated=False)
    assert resumption.accepted("") == {0: 10, 1: 5, 2: 0}


def test_before_the_first_commit_reading_begins_with_the_records_that_there_are() -> None:
    assert resume("movies", {}, {0: OffsetRange(3, 4)}, is_recreated=False) == ({0: 3}, [])


def test_a_partition_that_was_added_and_has_lost_its_first_records_is_a_loss() -> None:
    starts, losses = resume("movies", {0: 5}, {0: OffsetRange(0, 5), 1: OffsetRange(100, 200)}, is_recreated=False)
    assert starts == {0: 5, 1: 100}
    assert losses == ["movies/1: the topic holds offsets 100 to 200, 0 to 100 were never read"]


@pytest.mark.parametrize(
    ("position", "start", "loss"),
    [
        (4, 5, "movies/0: the topic holds offsets 5 to 20, 4 to 5 were never read"),
        (21, 20, "movies/0: the topic holds offsets 5 to 20, but was read up to 21: 20 to 21 are gone"),
    ],
)
def test_offsets_that_are_gone_must_be_accepted(position: int, start: int, loss: str) -> None:
    resumption = resume("movies", {0: position}, {0: OffsetRange(5, 20)}, is_recreated=False)
    assert resumption == ({0: start}, [loss])
    with pytest.raises(StateError, match="records that were not read are gone") as refused:
        resumption.accepted("add --accept-loss")
    assert refused.value.why == loss
    assert refused.value.hint == "add --accept-loss"


def test_a_recreated_topic_is_read_from_its_beginning_once_that_is_accepted() -> None:
    starts, losses = resume("movies", {}, {0: OffsetRange(2, 20)}, is_recreated=True)
    assert starts == {0: 2}
    assert losses == ["the topic movies was deleted and recreated; records of the old one may never have been read"]


def test_a_partition_that_does_not_exist_any_more_is_a_loss() -> None:
    starts, losses = resume("movies", {0: 1, 1: 7}, {0: OffsetRange(0, 1)}, is_recreated=False)
    assert starts == {0: 1}
    assert losses == ["movies/1 was read up to 7, but the partition does not exist"]
