"""Progress through offset ranges."""

from confluent_kafka import Message

from metrics.kafka.reader import PartitionRange, Progress


def test_progress_counts_offsets_including_those_without_a_record() -> None:
    #   [10, 3010)   records at 10, 2000 and 2999; after the last one, transaction markers
    passed_offsets: list[int] = []
    messages = [Message(topic="frames", partition=0, offset=offset) for offset in (10, 2000, 2999)]
    passed = list(Progress(passed_offsets.append).over(PartitionRange("frames", 0, 10, 3010), messages))
    assert [message.offset() for message in passed] == [10, 2000, 2999]
    assert passed_offsets == [1991, 3000]
