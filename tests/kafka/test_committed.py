"""Committed offsets are asked for by a consumer of the group: the admin client's own way crashes the process."""

import re

from tests.kafka.application import PROJECT

# Requests of the admin client that go to a coordinator: librdkafka #5040 (SIGSEGV) and #4605 (abort).
_OF_COORDINATORS = re.compile(
    r"\.(list_consumer_group_offsets|alter_consumer_group_offsets|describe_consumer_groups|delete_consumer_groups)\("
)


def test_no_code_asks_a_coordinator_by_the_admin_client() -> None:
    files = [*PROJECT.glob("metrics/**/*.py"), *PROJECT.glob("benchmark/**/*.py")]
    assert len(files) > 150
    assert [file.name for file in files if _OF_COORDINATORS.search(file.read_text())] == []
