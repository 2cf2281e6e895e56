"""How far spans of records were read."""

from confluent_kafka import Message

from metrics.kafka.reader import PartitionRange, Progress


def test_progress_is_told_by_offsets_also_of_those_that_hold_no_record() -> None:
    #   [10, 3010)   records at 10, 2000 and 2999; behind the last one, ends of transactions
    told: list[int] = []
    messages = [Message(topic="frames", partition=0, offset=offset) for offset in (10, 2000, 2999)]
    passed = list(Progress(told.append).over(PartitionRange("frames", 0, 10, 3010), messages))
    assert [message.offset() for message in passed] == [10, 2000, 2999]
    assert told == [1991, 3000]
