"""Records of windows read back: what no job can have published is none."""

import pytest

from metrics.frames.records import Unreadable, read_record
from metrics.frames.sizes import SECOND
from tests.frames.windows import second_record

T = 1468244340  # 2016-07-11T13:39:00Z
MOST = 2**63 - 1


def read(number: int) -> object:
    record = second_record(T, 0, 1.0, 0)
    value = record.value().replace(b'"num_of_frames":0', b'"num_of_frames":%d' % number)
    return read_record(SECOND, record.key.encode(), value, "seconds/0 offset 7")


@pytest.mark.parametrize("number", [0, MOST])
def test_possible_counts_are_read(number: int) -> None:
    assert read(number) == second_record(T, number, 1.0)


@pytest.mark.parametrize("number", [-1, MOST + 1, 10**30])
def test_impossible_counts_are_unreadable(number: int) -> None:
    assert read(number) == Unreadable("seconds/0 offset 7")
