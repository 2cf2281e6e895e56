"""The whole core on timelines drawn and worked out by hand. Each letter is a user; `|` is a commit."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import pytest

from metrics.frames.core.counter import Counter
from metrics.frames.core.frame import Reason, Rejection
from metrics.frames.core.shape import Shape, TsFormat
from metrics.frames.core.state import Rules, State
from metrics.frames.records import Record
from metrics.frames.sizes import SECOND
from metrics.wording.errors import StateError
from tests.frames.core.message import Message, message

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute


def live(offset: int, after_s: int, uid: str) -> Message:
    """Return a frame, given as seconds after T, whose record was written when it happened."""
    return message(offset, T + after_s, uid, recorded_at_s=T + after_s)


class Stream:
    """A counter over some partitions, fed by hand."""

    def __init__(self, partitions: int = 1, lateness_s: int = 5, gap_limit_s: int = 3600) -> None:
        rules = Rules(lateness_s, future_limit_s=300)
        saved = State.fresh(dict.fromkeys(range(partitions), 0), rules)
        self.counter = Counter(saved, rules, gap_limit_s=gap_limit_s, now_s=0)
        self.counter.resume()
        self.rejections: list[Rejection] = []
        self.seconds: list[Record] = []
        self.minutes: list[Record] = []

    def frames(self, *frames: tuple[int, str], partition: int = 0, now_s: float = 0) -> "Stream":
        """Count frames given as (seconds after T, user), and close what can be closed."""
        counter = self.counter.partitions[partition]
        position = counter.position
        counter.count([live(offset, after_s, uid) for offset, (after_s, uid) in enumerate(frames, start=position)])
        self.rejections += [rejected.rejection for rejected in counter.take_rejected()]
        counter.read_to(position + len(frames), now_s)
        return self.keep(self.counter.close(now_s))

    def idle(self, *partitions: int, now_s: float) -> "Stream":
        for partition in partitions:
            self.counter.mark_idle(partition, now_s)
        return self.keep(self.counter.close(now_s))

    def end(self) -> "Stream":
        return self.keep(self.counter.close_all())

    def keep(self, records: Iterable[Record]) -> "Stream":
        for record in records:
            if record.size is SECOND:
                self.seconds.append(record)
            else:
                self.minutes.append(record)
        assert self.counter.tally().is_conserved()
        return self

    def counts(self) -> dict[int, int]:
        """Frames of each closed second, by seconds after T."""
        return {record.start - T: record.frames for record in self.seconds}

    def users(self) -> dict[int, int]:
        """Unique users of each closed minute, by seconds after T."""
        return {record.start - T: record.number for record in self.minutes}


def test_a_second_closes_when_event_time_has_passed_its_end_by_the_lateness() -> None:
    #  second   0    1  2  …  5    6
    #  frames   a b  c        d    e      second 0 ends at 1; closed when event time is 1 + 5
    stream = Stream().frames((0, "a"), (0, "b"), (1, "c"), (5, "d"))
    assert stream.counts() == {}
    stream.frames((6, "e"))
    assert stream.counts() == {0: 2}


def test_without_lateness_a_second_closes_with_the_next_one() -> None:
    stream = Stream(lateness_s=0).frames((0, "a"), (0, "b"), (1, "c"))
    assert stream.counts() == {0: 2}


def test_a_minute_is_the_number_of_different_users() -> None:
    #  second   0    30   59 | 60  61 … 65
    #  frames   a b  a    c  | a        d        minute 0 ends at 60; closed when event time is 65
    stream = Stream().frames((0, "a"), (0, "b"), (30, "a"), (59, "c"), (60, "a"), (64, "e"))
    assert stream.users() == {}
    stream.frames((65, "d"))
    assert stream.users() == {0: 3}
    assert stream.minutes[0].frames == 4


def test_a_straggler_within_the_lateness_counts_for_its_own_second() -> None:
    #  arrives   a@0  b@5  c@0  d@4  e@5         c is 5 s behind the newest frame: just in time
    stream = Stream().frames((0, "a"), (5, "b"), (0, "c"), (4, "d"), (5, "e")).end()
    assert stream.counts() == {0: 2, 1: 0, 2: 0, 3: 0, 4: 1, 5: 2}
    assert stream.rejections == []


def test_a_straggler_may_be_the_only_frame_of_its_second_and_minute() -> None:
    #  arrives   a@62  b@58                       minute 0 has b alone, and begins at offset 1
    stream = Stream().frames((62, "a"), (58, "b")).end()
    assert stream.users() == {0: 1, 60: 1}
    assert [second for second, frames in stream.counts().items() if frames] == [58, 62]


def test_a_late_frame_still_counts_for_its_open_minute() -> None:
    #  arrives   a@0  b@6  c@0                    second 0 closed at 6; its minute has not
    stream = Stream().frames((0, "a"), (6, "b"), (0, "c")).end()
    assert stream.counts()[0] == 1
    assert stream.users() == {0: 3}
    assert stream.minutes[0].frames == 3
    tally = stream.counter.tally()
    assert (tally.counted, tally.late, tally.late_in_minute, tally.rejected) == (2, 1, 1, {})


def test_a_late_frame_of_a_closed_minute_is_rejected() -> None:
    #  arrives   a@0  b@65  c@59                  minute 0 closed at 65
    stream = Stream().frames((0, "a"), (65, "b"), (59, "c")).end()
    assert stream.users() == {0: 1, 60: 1}
    assert [rejection.reason for rejection in stream.rejections] == [Reason.LATE]
    tally = stream.counter.tally()
    assert (tally.counted, tally.late, tally.late_in_minute, tally.rejected) == (2, 1, 0, {"late": 1})
    assert tally.error_rate == 1 / 3


def test_a_rejected_frame_has_its_ts_and_the_event_time_at_its_rejection() -> None:
    #  arrives   no frame   a@0   no frame   b@65   c@59 late   d@900 without proof, e@66 and f@67 against it
    stream = Stream()
    partition = stream.counter.partitions[0]
    partition.count([Message(0, b"no frame"), live(1, 0, "a"), Message(2, b"no frame")])
    partition.count([live(3, 65, "b"), live(4, 59, "c"), message(5, T + 900, "d"), live(6, 66, "e"), live(7, 67, "f")])
    assert [(at.message.offset(), at.ts, at.event_time) for at in partition.take_rejected()] == [
        (0, -1, -1),
        (2, -1, T),
        (4, T + 59, T + 65),
        (5, T + 900, T + 65),
    ]


def test_late_is_judged_alike_wherever_the_batch_ends() -> None:
    frames = [(0, "a"), (6, "b"), (0, "c"), (1, "d"), (65, "e"), (3, "f"), (60, "g")]
    whole = Stream().frames(*frames).end()
    single = Stream()
    for frame in frames:
        single.frames(frame)
    single.end()
    assert (single.seconds, single.minutes, single.rejections) == (whole.seconds, whole.minutes, whole.rejections)


def test_seconds_without_frames_between_others_get_zero_rows() -> None:
    stream = Stream().frames((0, "a"), (3, "b")).end()
    assert [record.frames for record in stream.seconds] == [1, 0, 0, 1]
    assert [record.average for record in stream.seconds] == [1.0, 0.5, 0.333, 0.5]


def test_minutes_without_frames_between_others_get_zero_rows() -> None:
    stream = Stream().frames((0, "a"), (200, "b")).end()
    assert [(record.start - T, record.number, record.frames) for record in stream.minutes] == [
        (0, 1, 1),
        (60, 0, 0),
        (120, 0, 0),
        (180, 1, 1),
    ]
    assert [record.average for record in stream.minutes] == [1.0, 0.5, 0.333, 0.5]


def test_a_gap_as_long_as_the_limit_gets_rows_and_a_longer_one_is_reported_by_its_length() -> None:
    at_the_limit = Stream(gap_limit_s=10).frames((0, "a"), (11, "b")).end()
    assert len(at_the_limit.seconds) == 12
    assert at_the_limit.seconds[-1].gap_s == 0
    beyond = Stream(gap_limit_s=10).frames((0, "a"), (12, "b")).end()
    assert [(record.start - T, record.gap_s) for record in beyond.seconds] == [(0, 0), (12, 11)]
    assert beyond.seconds[-1].average == 1.0


def test_no_rows_come_before_the_first_frame_or_after_the_last() -> None:
    stream = Stream().frames((7, "a")).end()
    assert stream.counts() == {7: 1}
    assert stream.users() == {0: 1}


def test_the_slowest_partition_decides_when_a_window_closes() -> None:
    #  partition 0   a@0  b@20
    #  partition 1                c@0      d@6
    stream = Stream(partitions=2).frames((0, "a"), (20, "b"))
    assert stream.counts() == {}
    stream.frames((0, "c"), partition=1)
    assert stream.counts() == {}
    stream.frames((6, "d"), partition=1)
    assert stream.counts() == {0: 2}


def test_late_is_judged_by_the_frames_own_partition() -> None:
    #  partition 0   a@0  b@100  c@0       c is late, though no window has closed yet
    #  partition 1   d@0                   d is not
    stream = Stream(partitions=2).frames((0, "a"), (100, "b"), (0, "c")).frames((0, "d"), partition=1).end()
    assert stream.counts()[0] == 2
    assert [rejection.reason for rejection in stream.rejections] == [Reason.LATE]


def test_an_idle_partition_keeps_no_window_open() -> None:
    stream = Stream(partitions=2).frames((0, "a"), (20, "b"))
    assert stream.counts() == {}
    stream.idle(1, now_s=10)
    assert stream.counts()[0] == 1


def test_what_idle_time_closed_stays_closed() -> None:
    #  partition 0   a@0  b@20
    #  partition 1                (idle)    c@3       event time of the stream is 20: second 3 is closed
    stream = Stream(partitions=2).frames((0, "a"), (20, "b")).idle(1, now_s=10)
    stream.frames((3, "c"), partition=1, now_s=11).end()
    assert stream.counts()[3] == 0
    assert stream.users() == {0: 3}


def test_when_all_are_idle_event_time_advances_with_wall_time() -> None:
    #  wall time     0          6: event time 6      64            65: event time 65
    #  frames        a@0        second 0 closes                    minute 0 closes
    stream = Stream().frames((0, "a"), now_s=0)
    stream.idle(0, now_s=5.9)
    assert stream.counts() == {}
    stream.idle(0, now_s=6)
    assert stream.counts() == {0: 1}
    stream.idle(0, now_s=64.9)
    assert stream.users() == {}
    stream.idle(0, now_s=65)
    assert stream.users() == {0: 1}


def test_idle_time_closes_what_is_open_and_no_more() -> None:
    stream = Stream().frames((0, "a"), now_s=0).idle(0, now_s=100_000)
    assert stream.users() == {0: 1}
    stream.frames((60, "b"), now_s=100_001).end()
    assert stream.users() == {0: 1, 60: 1}
    assert stream.rejections == []


def test_idle_time_before_the_first_frame_closes_nothing() -> None:
    stream = Stream(partitions=2).idle(0, 1, now_s=1000)
    assert stream.seconds == []


def test_frames_in_the_second_that_idle_time_closed_are_late() -> None:
    stream = Stream().frames((0, "a"), now_s=0).idle(0, now_s=6)
    stream.frames((0, "b"), (1, "c"), now_s=7).end()
    assert stream.counts() == {0: 1, 1: 1}
    assert stream.users() == {0: 3}


def test_records_have_the_fields_of_the_design() -> None:
    frames = [(44, "a"), (44, "b"), (45, "a")]
    stream = Stream().frames(*frames).end()
    assert [record.key for record in stream.seconds] == ["2016-07-11T13:39:44Z", "2016-07-11T13:39:45Z"]
    assert [record.value() for record in stream.seconds] == [
        (
            b'{"timestamp":1468244384,"datetime":"2016-07-11T13:39:44Z","end":1468244385,'
            b'"num_of_frames":2,"avg_num_of_frames":2.0}'
        ),
        (
            b'{"timestamp":1468244385,"datetime":"2016-07-11T13:39:45Z","end":1468244386,'
            b'"num_of_frames":1,"avg_num_of_frames":1.5}'
        ),
    ]
    assert [record.key for record in stream.minutes] == ["2016-07-11T13:39:00Z"]
    assert stream.minutes[0].value() == (
        b'{"timestamp":1468244340,"datetime":"2016-07-11T13:39:00Z","end":1468244400,'
        b'"unique_users":2,"avg_users_per_minute":2.0,"num_of_frames":3}'
    )


def test_a_record_after_a_long_gap_contains_its_length() -> None:
    stream = Stream(gap_limit_s=10).frames((0, "a"), (86_400, "b")).end()
    assert b'"gap_s":86399}' in stream.seconds[1].value()
    assert b'"gap_s":86340}' in stream.minutes[1].value()


def test_a_frame_of_the_first_and_of_the_last_second_has_its_windows() -> None:
    stream = Stream(gap_limit_s=0).frames((-T, "a"), (253402300799 - T, "b")).end()
    assert [record.key for record in stream.seconds] == ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"]


def test_the_state_may_be_saved_between_any_two_records() -> None:
    """A transaction can end there, so that history with wide gaps makes none that is too large."""
    #  frames   a@0  …  b@7200        of 7,201 seconds and 121 minutes, all but two each are rows of 0
    stream = Stream(gap_limit_s=10_000).frames((0, "a"))
    counter = stream.counter.partitions[0]
    counter.count([live(1, 7200, "b")])
    counter.read_to(2, now_s=0)
    restart_offsets = []
    for record in stream.counter.close_all():
        state = stream.counter.state()
        series = state.series[record.size.size_s]
        assert series.last == record.start
        restart_offsets.append(state.partitions[0].restart_offset)
    # Minute 0 is open until its record, after the first second's; then offset 1 is needed until the last minute's.
    assert restart_offsets == [0, *[1] * (7201 - 1 + 121 - 1), 2]


def restarted(stream: Stream, frames: list[tuple[int, str]], *lost: int) -> Stream:
    """Return a new stream that goes on where one stopped, from its state and its frames alone; some may be lost."""
    state = stream.counter.state()
    again = Stream()
    again.counter = Counter(state, state.rules, gap_limit_s=3600, now_s=0)
    counter = again.counter.partitions[0]
    for offset in range(state.partitions[0].restart_offset, state.partitions[0].position):
        if offset not in lost:
            counter.rebuild(live(offset, *frames[offset]))
    again.counter.resume()
    return again


def test_a_late_frame_that_is_the_first_of_its_minute_survives_a_restart() -> None:
    #  arrives   a@63  b@58 | c@70        63 - 5 = 58: b is in time; then x@58 is late, and its minute still open
    frames = [(63, "a"), (64, "b"), (58, "x"), (59, "y")]
    stream = Stream().frames(*frames)
    assert stream.counter.tally().late == 1  # x: second 58 ends at 59, event time is 64 - 5
    assert stream.counter.state().partitions[0].restart_offset == 0
    for at in (stream, restarted(stream, frames)):
        at.frames((70, "c")).end()
        assert at.users() == {0: 2, 60: 3}


def test_frames_that_are_gone_when_open_windows_are_rebuilt_are_an_error() -> None:
    #  offset    0    1    2        second 0 is closed; a compacted topic has lost offset 1
    #  arrives   a@0  b@5  c@6
    frames = [(0, "a"), (5, "b"), (6, "c")]
    stream = Stream().frames(*frames)
    restarted(stream, frames)
    with pytest.raises(StateError, match="the input topic has changed since the state was saved"):
        restarted(stream, frames, 1)


def test_open_windows_of_an_earlier_version_are_closed_by_that_version() -> None:
    saved = Stream().frames((0, "a"), (1, "b")).counter.state()
    saved.rules = Rules(5, 3600, version=1)
    with pytest.raises(StateError) as raised:
        Counter(saved, Rules(5, 3600, version=2), gap_limit_s=3600, now_s=0)
    assert raised.value.what == "the frames of open windows were judged by an earlier version"
    assert raised.value.hint.endswith("with that version: LATENESS_S=5 FUTURE_LIMIT_S=3600 python app.py --until-end")
    closed = Stream().frames((0, "a"), (1, "b")).end().counter.state()
    closed.rules = Rules(5, 3600, version=1)
    assert Counter(closed, Rules(5, 300, version=2), gap_limit_s=3600, now_s=0).tally().counted == 0


def test_open_windows_of_frames_of_another_shape_are_closed_by_that_shape() -> None:
    saved = Stream().frames((0, "a"), (1, "b")).counter.state()
    other = Rules(5, 300, shape=Shape("a time", ts_format=TsFormat.MILLISECONDS))
    with pytest.raises(StateError) as raised:
        Counter(saved, other, gap_limit_s=3600, now_s=0)
    assert raised.value.why.startswith("by LATENESS_S=5 FUTURE_LIMIT_S=300 TS_FIELD='a time' TS_FORMAT=milliseconds, ")
    assert raised.value.hint == (  # the other settings may be in the environment of the command
        "close them first: LATENESS_S=5 FUTURE_LIMIT_S=300 TS_FIELD=ts TS_FORMAT=seconds python app.py --until-end"
    )


def test_where_other_rules_begin_is_saved_for_verify() -> None:
    closed = Stream().frames((0, "a"), (1, "b")).end().counter.state()
    assert closed.partitions[0].judged_since == 0
    for rules in (Rules(5, 300, shape=Shape("time")), Rules(7, 300)):
        changed = Counter(closed, rules, gap_limit_s=3600, now_s=0)
        changed.resume()
        assert changed.state().partitions[0].judged_since == 2
        unchanged = Counter(changed.state(), rules, gap_limit_s=3600, now_s=0)
        unchanged.resume()
        assert unchanged.state().partitions[0].judged_since == 2


def test_open_windows_of_the_version_that_took_no_fractions_are_resumed_if_it_rejected_none() -> None:
    saved = Stream().frames((0, "a"), (1, "b")).counter.state()
    saved.rules = Rules(5, 300, version=2)
    now = Rules(5, 300, version=3)
    assert Counter(saved, now, gap_limit_s=3600, now_s=0).state().rules == now
    saved.partitions[0].tally.rejected = {"wrong_ts": 1}
    with pytest.raises(StateError, match="judged by an earlier version"):
        Counter(saved, now, gap_limit_s=3600, now_s=0)


def test_the_gap_limit_applies_to_minutes_by_their_own_gap() -> None:
    #  seconds   a@0 … b@180: 179 s between them, so no rows of seconds at a limit of 120
    #  minutes   0, 60, 120, 180: 120 s between 60 and 180, so rows
    stream = Stream(gap_limit_s=120).frames((0, "a"), (180, "b")).end()
    assert [(record.start - T, record.gap_s) for record in stream.seconds] == [(0, 0), (180, 179)]
    assert [(record.start - T, record.gap_s) for record in stream.minutes] == [(0, 0), (60, 0), (120, 0), (180, 0)]
    beyond = Stream(gap_limit_s=119).frames((0, "a"), (180, "b")).end()
    assert [(record.start - T, record.gap_s) for record in beyond.minutes] == [(0, 0), (180, 120)]


def test_a_partition_leads_by_how_far_it_is_ahead_of_the_slowest() -> None:
    #  partition 0: 100    partition 1: 20    partition 2: idle at 5
    stream = Stream(partitions=3).frames((100, "a")).frames((20, "b"), partition=1).frames((5, "c"), partition=2)
    assert stream.counter.leads(now_s=0) == {0: 95, 1: 15, 2: 0}
    stream.idle(2, now_s=10)
    assert stream.counter.leads(now_s=10) == {0: 80, 1: 0, 2: -15}


def test_a_partition_without_frames_is_waited_for_from_the_earliest_open_second_on() -> None:
    stream = Stream(partitions=2)
    assert stream.counter.leads(now_s=0) == {}
    stream.frames((0, "a"), (130, "b"))
    assert stream.counter.leads(now_s=0)[0] == 130


def fed_later(offset: int, after_s: int) -> Message:
    return message(offset, T + after_s, "a", recorded_at_s=T + 400_000_000)


def test_one_flipped_frame_alone_in_its_partition_closes_nothing_at_the_end() -> None:
    #  partition 0   0 1 2        partition 1   a year ahead
    stream = Stream(partitions=2)
    for offset in range(3):
        stream.counter.partitions[0].count([fed_later(offset, offset)])
    stream.counter.partitions[1].count([fed_later(0, 31_536_000)])
    stream.counter.resolve()
    stream.end()
    assert stream.counts() == {0: 1, 1: 1, 2: 1}
    assert stream.counter.tally().future == 1


def test_few_frames_over_many_partitions_are_compared_with_their_median() -> None:
    stream = Stream(partitions=4)
    for partition, after_s in enumerate((31_536_000, 1, 0, 2)):
        stream.counter.partitions[partition].count([fed_later(0, after_s)])
    stream.counter.resolve()
    stream.end()
    assert stream.counts() == {0: 1, 1: 1, 2: 1}
    assert stream.counter.tally().future == 1


def test_what_follows_a_loss_in_the_middle_of_a_second_counts() -> None:
    #  offset    0    1    2  |  3    4         0 1 2 are gone when the run goes on; 3 is of the same second as 2
    #  arrives   a@0  b@1  c@1  d@1  e@2
    frames = [(0, "a"), (1, "b"), (1, "c"), (1, "d"), (2, "e")]
    stream = Stream().frames(*frames[:3])
    state = stream.counter.state()
    again = Stream()
    again.counter = Counter(state, state.rules, gap_limit_s=3600, now_s=0)
    assert again.counter.write_off() == 3
    assert state.partitions[0].tally.lost == 0  # the saved state stays as it is
    again.counter.resume()
    again.frames(*frames[3:]).end()
    assert again.counts() == {1: 1, 2: 1}
    assert again.users() == {0: 2}
    tally = again.counter.tally()
    assert (tally.consumed, tally.counted, tally.lost) == (5, 2, 3)


def test_held_frames_of_an_idle_partition_are_resolved_before_their_windows_close() -> None:
    #  partition 0   a@0 b@0 a@0   …   a@100        its records are live
    #  partition 1   c@0 d@0 c@0 c@60               no timestamps: nothing proves c@60, and then it is idle
    stream = Stream(partitions=2)
    held = [
        message(offset, T + after_s, uid)
        for offset, (after_s, uid) in enumerate([(0, "c"), (0, "d"), (0, "c"), (60, "c")])
    ]
    stream.counter.partitions[1].count(held)
    stream.counter.partitions[1].read_to(4, now_s=0)
    assert stream.counter.tally().held == 1
    stream.frames((0, "a"), (100, "a")).idle(1, now_s=10)
    tally = stream.counter.tally()
    assert (tally.held, tally.late, tally.counted) == (0, 0, 6)
    assert stream.counts()[60] == 1


def after_a_restart(counter: Counter, sent: Mapping[int, Sequence[Message]]) -> Counter:
    """Return a counter that resumes the state of another, as after a restart."""
    state = msgspec.json.decode(msgspec.json.encode(counter.state()), type=State)
    again = Counter(state, state.rules, gap_limit_s=3600, now_s=0)
    for number, at in state.partitions.items():
        for offset in range(at.restart_offset, at.position):
            again.partitions[number].rebuild(sent[number][offset])
    again.resume()
    return again


def test_a_restart_decides_alike_however_often_frames_were_resolved_before_it() -> None:
    #  partition 0   a@0 a@10 …                     it closes the windows of both
    #  partition 1   c@0 d@0 c@0 | c@10 z@280 | y@281 c@20 | w@282 c@30 | v@270 c@40 | c@50 | …
    #                at each | what is held is resolved: z, y, w and v count ahead of event time. Read again without
    #                that, z is proved by y and w, and v is late
    stream = Stream(partitions=2)
    rounds = [
        [(0, "c"), (0, "d"), (0, "c")],
        [(10, "c"), (280, "z")],
        [(281, "y"), (20, "c")],
        [(282, "w"), (30, "c")],
        [(270, "v"), (40, "c")],
        *([(10 * number, "c")] for number in range(5, 25)),
    ]
    sent: dict[int, list[Message]] = {0: [], 1: []}
    for number, frames in enumerate(rounds):
        stream.frames((10 * number, "a"))
        sent[0].append(live(number, 10 * number, "a"))
        start = len(sent[1])
        sent[1] += [message(offset, T + after_s, uid) for offset, (after_s, uid) in enumerate(frames, start)]
        sparse = stream.counter.partitions[1]
        sparse.count(sent[1][start:])
        sparse.read_to(len(sent[1]), now_s=0)
        stream.idle(1, now_s=0)
    state = stream.counter.state().partitions[1]
    assert (state.restart_offset, state.open) == (4, 4)
    again = after_a_restart(stream.counter, sent)
    assert again.tally() == stream.counter.tally()
    assert list(again.close_all()) == list(stream.counter.close_all())
