"""Outcomes by the rules of the SQL, worked out by hand."""

from metrics.frames.core.frame import Frame, Reason
from metrics.frames.core.state import Rules
from metrics.frames.flink.recount.judge import judged
from metrics.frames.verify.recount.judge import Outcome, Received
from tests.frames.core.message import read_frame

RULES = Rules(lateness_s=5, future_limit_s=300)
T = 1_600_000_020  # a full minute


def outcomes(*times: tuple[int, int], newest: int = -1) -> list[Outcome]:
    """Judge frames, given by their ts and their Kafka timestamp, both in seconds after T."""
    records = [Received(nth, Frame(T + ts, "a"), float(T + at)) for nth, (ts, at) in enumerate(times)]
    return [each.outcome for each in judged(0, records, RULES, newest)]


def test_a_frame_is_late_once_its_partition_has_passed_its_second_and_its_minute() -> None:
    frames = ((0, 0), (65, 65), (61, 65), (59, 65), (66, 66), (60, 66))
    assert outcomes(*frames) == [
        *(Outcome.COUNTED, Outcome.COUNTED, Outcome.COUNTED),
        Outcome.LATE,  # event time less the lateness is T + 60: the minute is over
        *(Outcome.COUNTED, Outcome.LATE_IN_MINUTE),
    ]


def test_the_event_time_before_the_first_frame_counts() -> None:
    assert outcomes((0, 0), newest=T + 100) == [Outcome.LATE]


def test_a_ts_is_believed_up_to_the_limit_after_its_kafka_timestamp_without_any_proof() -> None:
    assert outcomes((0, 0), (301, 0), (2, 2)) == [Outcome.COUNTED, Outcome.FUTURE, Outcome.COUNTED]
    assert outcomes((0, 0), (300, 0), (2, 2)) == [Outcome.COUNTED, Outcome.COUNTED, Outcome.LATE]


def test_an_invalid_frame_keeps_its_reason_and_moves_no_event_time() -> None:
    [invalid, frame] = judged(0, [Received(0, read_frame(b"{")), Received(1, Frame(T, "a"), float(T))], RULES, -1)
    assert (invalid.outcome, invalid.reason, invalid.newest) == (Outcome.INVALID, Reason.NOT_JSON, -1)
    assert (frame.outcome, frame.newest) == (Outcome.COUNTED, T)
