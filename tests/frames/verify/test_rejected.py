"""What the rejected topic tells: frames that are too large for the republished stream count all the same."""

from metrics.frames.verify.rejected import RejectedRecords


def test_frames_too_large_to_be_republished_are_no_rejected_ones() -> None:
    rejected = RejectedRecords(lateness_s=5)
    rejected.add(0, 7, "too_large", "")
    rejected.add(1, 7, "too_large", "")
    rejected.add(0, 8, "not_json", "")
    assert rejected.not_republished == {0: {7}, 1: {7}}
    assert rejected.records == {(0, "not_json"): 1}


def test_a_second_record_of_such_a_frame_is_one_too_many() -> None:
    rejected = RejectedRecords(lateness_s=5)
    rejected.add(0, 7, "too_large", "")
    rejected.add(0, 7, "too_large", "")
    assert rejected.not_republished == {0: {7}}
    assert rejected.records == {(0, "too_large"): 1}
