"""The whole core against the plain reference: any disorder, any batches, any interleaving, crashes between batches."""

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.frames.counter import Counter, State
from metrics.frames.event_clock import end_of_input
from metrics.frames.windows import MinuteRecord, Record, SecondRecord
from tests.reference import Silence, Timeline, count_all

LATENESS_S = 5
GAP_LIMIT_S = 150


@st.composite
def timelines(draw: st.DrawFn) -> Timeline:
    """Draw `(ts, uid)` frames of one partition: event time stays, steps on or jumps; some frames are delayed."""
    newest = 1468244340 + draw(st.integers(0, 90))
    frames = []
    for _ in range(draw(st.integers(0, 25))):
        newest += draw(st.sampled_from([0, 0, 0, 1, 1, 2, 5, 6, 7, 50, 70, 200, 4000]))
        delay_s = draw(st.sampled_from([0, 0, 0, 1, 4, 5, 6, 7, 30, 66, 100]))
        frames.append((newest - delay_s, draw(st.sampled_from("abcdef"))))
    return frames


def frame(ts: int, uid: str) -> bytes:
    return b'{"ts":%d,"uid":"%b"}' % (ts, uid.encode())


class Run:
    """Reads partitions in batches, and keeps only what was committed."""

    def __init__(self, partitions: dict[int, Timeline], crashes: Callable[[], bool]) -> None:
        self.partitions = partitions
        self.crashes = crashes
        self.kept: list[Record] = []
        self.silences: list[Silence] = []
        self.committed = msgspec.json.encode(State.fresh(dict.fromkeys(partitions, 0), LATENESS_S))
        self.start()

    def start(self) -> None:
        """Start as after a crash: from the committed state and the log alone."""
        self.records: list[Record] = []
        self.heard: list[Silence] = []
        saved = msgspec.json.decode(self.committed, type=State)
        self.counter = Counter(saved, lateness_s=LATENESS_S, gap_limit_s=GAP_LIMIT_S, now_s=0)
        for partition, state in saved.partitions.items():
            for offset in range(state.low_water, state.position):
                self.counter.partitions[partition].rebuild(offset, frame(*self.partitions[partition][offset]))
        self.counter.resume()
        self.close(self.counter.close(now_s=0))

    def batch(self, partition: int, frames: int) -> None:
        counter = self.counter.partitions[partition]
        start = counter.position
        chosen = self.partitions[partition][start : start + frames]
        for offset, (ts, uid) in enumerate(chosen, start):
            counter.count(offset, frame(ts, uid))
        counter.read_to(start + len(chosen), now_s=0)
        self.close(self.counter.close(now_s=0))

    def silence(self, partition: int, for_s: float) -> None:
        self.counter.partitions[partition].clock.silent_at_s = for_s
        self.close(self.counter.close(now_s=for_s))

    def close(self, records: Iterable[Record]) -> None:
        """Take what is closed; now and then commit before the last of it, and crash."""
        for record in records:
            if not self.heard:
                self.hear()  # closing has begun: silence has spoken for the partitions that are behind
            self.records.append(record)
            if self.crashes():
                self.commit()
                if self.crashes():
                    self.start()
                    return
        self.hear()

    def hear(self) -> None:
        """Note up to where each partition's seconds are closed for the frames that it still sends."""
        for partition, counter in self.counter.partitions.items():
            self.heard.append(Silence(partition, counter.position, counter.clock.watermark))

    def commit(self) -> None:
        self.kept += self.records
        self.silences += self.heard
        self.records, self.heard = [], []
        self.committed = msgspec.json.encode(self.counter.state())

    def end(self) -> None:
        """Close all, through any crashes."""
        clocks = [counter.clock for counter in self.counter.partitions.values()]
        while self.counter.windows.minutes.closed_through < end_of_input(clocks):
            self.close(self.counter.close_all())
            clocks = [counter.clock for counter in self.counter.partitions.values()]
        self.commit()

    def unread(self) -> Iterator[int]:
        for partition, timeline in self.partitions.items():
            if self.counter.partitions[partition].position < len(timeline):
                yield partition


@settings(max_examples=400, deadline=None)
@given(st.lists(timelines(), min_size=1, max_size=3), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.5]))
def test_every_reading_gives_the_reference_answer(drawn: list[Timeline], seed: int, crash_probability: float) -> None:
    partitions = dict(enumerate(drawn))
    draw = random.Random(seed)

    def crashes() -> bool:
        return draw.random() < crash_probability

    run = Run(partitions, crashes)
    while unread := list(run.unread()):
        if draw.random() < 0.2:
            run.silence(draw.choice(list(partitions)), for_s=draw.choice([0, 3, 60, 1000]))
        else:
            run.batch(draw.choice(unread), draw.randint(1, 5))
        if crashes():
            run.start()
        elif draw.random() < 0.7:
            run.commit()
    run.commit()
    run.start()
    run.end()

    answer = count_all(partitions, lateness_s=LATENESS_S, gap_limit_s=GAP_LIMIT_S, silences=run.silences)
    seconds = [record for record in run.kept if isinstance(record, SecondRecord)]
    minutes = [record for record in run.kept if isinstance(record, MinuteRecord)]
    assert [(at.start, at.frames, at.average, at.gap_s) for at in seconds] == answer.seconds
    assert [(at.start, at.users, at.average, at.gap_s, at.frames) for at in minutes] == answer.minutes
    tally = run.counter.tally()
    assert tally.is_conserved()
    assert (tally.counted, tally.late, tally.joined) == (answer.counted, answer.late, answer.joined)
    assert tally.consumed == sum(map(len, drawn))
    assert all(len(counter.log) == 0 for counter in run.counter.partitions.values())
    assert run.counter.windows.open_minutes == {}
