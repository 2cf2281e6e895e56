"""The loop over files against the plain reference, and how little of a file it needs at once."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from metrics.files.line_reader import Lines
from metrics.frames.core.frame import MAX_FRAME_BYTES, Rejection
from metrics.frames.count.loop import FileLoop, LineNumber
from metrics.frames.records import Record
from metrics.frames.settings import Settings
from metrics.frames.sizes import MINUTE, SECOND
from metrics.wording.errors import FileError
from tests.frames.core.test_counter_against_reference import timelines
from tests.reference import Answer, End, Sent, Timeline, count_all

T = 1468244340  # 2016-07-11T13:39:00Z, the start of a minute


class Kept:
    """A listener that keeps everything."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.rejections: list[tuple[str, int, str]] = []

    def closed(self, records: Iterator[Record]) -> None:
        self.records += records

    def rejected(self, place: LineNumber, rejection: Rejection) -> None:
        self.rejections.append((place.path.name, place.line, rejection.reason))

    def read(self) -> None:
        pass

    def rows(self) -> tuple[list[tuple[int, int, float, int]], list[tuple[int, int, float, int, int]]]:
        """Return the records as the plain reference writes them."""
        seconds = [record for record in self.records if record.size is SECOND]
        minutes = [record for record in self.records if record.size is MINUTE]
        return (
            [(at.start, at.frames, at.average, at.gap_s) for at in seconds],
            [(at.start, at.number, at.average, at.gap_s, at.frames) for at in minutes],
        )


def line(ts: int, uid: str = "a") -> bytes:
    return b'{"ts":%d,"uid":"%b"}\n' % (ts, uid.encode())


def written(folder: Path, *files: Sequence[bytes]) -> Lines:
    """Write files of lines; return the lines of all, in order."""
    paths = [folder / f"{number}.jsonl" for number in range(len(files))]
    for path, lines in zip(paths, files, strict=True):
        path.write_bytes(b"".join(lines))
    return Lines(paths, MAX_FRAME_BYTES)


def counted(lines: Lines, **variables: int) -> tuple[Kept, FileLoop]:
    kept, loop = Kept(), FileLoop(Settings(**variables))  # type: ignore[arg-type]
    loop.run(lines, kept)
    return kept, loop


def answer_to(timeline: Timeline, loop: FileLoop) -> Answer:
    """Return the plain answer; at the end of a file in which nothing is proved, what is near is the loop's to say."""
    [partition] = loop.counter.partitions.values()
    is_resolved = 0 < partition.resolved_at == partition.position
    ends = {0: [End(len(timeline), partition.resolved_against)] if is_resolved else []}
    return count_all({0: timeline}, lateness_s=5, gap_limit_s=150, ends=ends)


@examples(max_examples=300, deadline=None)
@given(timelines(), st.lists(st.integers(0, 25), max_size=4))
def test_any_frames_over_any_files_give_the_reference_answer(drawn: Timeline, cuts: list[int]) -> None:
    """Each file is a batch of its own here, so the batches differ, too."""
    timeline = [Sent(sent.ts, sent.uid) for sent in drawn]
    places = [0, *sorted(cuts), len(timeline)]
    files = [[line(*sent[:2]) for sent in timeline[start:end]] for start, end in pairwise(places)]
    with tempfile.TemporaryDirectory() as folder:
        kept, loop = counted(written(Path(folder), *files), gap_limit_s=150)
    answer, tally = answer_to(timeline, loop), loop.counter.tally()
    assert kept.rows() == (answer.seconds, answer.minutes)
    assert tally.is_conserved()
    assert (tally.counted, tally.late, tally.late_in_minute, tally.future) == answer[2:]
    assert tally.consumed == len(timeline)
    assert len(kept.rejections) == sum(tally.rejected.values())


def test_a_minute_comes_after_the_last_of_its_seconds_and_before_the_next(tmp_path: Path) -> None:
    #  frame  T+58  T+58  T+61          no frame in T+59 and T+60
    kept, _ = counted(written(tmp_path, [line(T + 58), line(T + 58), line(T + 61)]))
    assert [(type(record), record.start - T) for record in kept.records] == [
        (Record, 58),
        (Record, 0),
        (Record, 59),
        (Record, 60),
        (Record, 61),
        (Record, 60),
    ]


def test_a_rejected_frame_keeps_its_place_even_if_it_is_rejected_while_a_later_file_is_read(tmp_path: Path) -> None:
    #  0.jsonl  T  T  T  empty  T+99999          the last one is refuted by the second and third line of
    #  1.jsonl
    #  2.jsonl  {}  T+1  T+1
    first = [line(T), line(T, "b"), line(T), b"\n", line(T + 99_999)]
    files = written(tmp_path, first, [], [b"{}\n", line(T + 1), line(T + 1)])
    kept, loop = counted(files)
    assert kept.rejections == [("0.jsonl", 4, "empty"), ("2.jsonl", 1, "no_ts"), ("0.jsonl", 5, "future")]
    assert loop.counter.tally().counted == 5


def test_frames_unproved_at_the_end_are_rejected_as_by_until_end(tmp_path: Path) -> None:
    kept, loop = counted(written(tmp_path, [line(T)] * 3 + [line(T + 99_999)]))
    assert kept.rejections == [("0.jsonl", 4, "future")]
    assert kept.rows()[0] == [(T, 3, 3.0, 0)]
    assert loop.counter.tally().held == 0


def test_the_frames_of_a_file_before_one_that_is_broken_are_counted(tmp_path: Path) -> None:
    [whole] = written(tmp_path, [line(T), line(T, "b"), line(T), line(T + 5), line(T + 9)]).paths
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(b"no gzip")
    kept, loop, lines = Kept(), FileLoop(Settings()), Lines([whole, broken], MAX_FRAME_BYTES)
    with pytest.raises(FileError, match="is corrupt, truncated"):
        loop.run(lines, kept)
    assert kept.rows()[0] == [(T, 3, 3.0, 0)]
    assert lines.read_bytes == whole.stat().st_size + len(b"no gzip")


class EnoughError(Exception):
    """The listener has seen enough."""


class Impatient(Kept):
    """A listener that takes `most` records, and no more."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def closed(self, records: Iterator[Record]) -> None:
        self.records += islice(records, self.most - len(self.records))
        if len(self.records) == self.most:
            raise EnoughError


def test_rows_of_a_long_gap_are_made_one_by_one(tmp_path: Path) -> None:
    """A gap of 300 days has 26 million seconds; none of them is made before it is asked for."""
    day_s = 86_400
    lines = written(tmp_path, [line(T)] * 3 + [line(T + 300 * day_s)] * 3 + [line(T + 300 * day_s + 9)])
    loop = FileLoop(Settings(gap_limit_s=31_536_000))
    with pytest.raises(EnoughError):
        loop.run(lines, Impatient(1_000))
    assert sum(series.windows for series in loop.counter.windows.series.values()) == 1_000


def test_a_file_is_read_no_further_than_its_records_need(tmp_path: Path) -> None:
    lines = written(tmp_path, [line(T + number // 100, "u" * 200) for number in range(20_000)])
    loop = FileLoop(Settings())
    with pytest.raises(EnoughError):
        loop.run(lines, Impatient(1))
    assert 0 < lines.read_bytes < 1_000_000 < lines.paths[0].stat().st_size


def test_only_open_windows_of_a_file_are_kept_in_memory(tmp_path: Path) -> None:
    """After each batch: users of the seconds within the lateness, and pointers to them; not those of a minute."""
    lines = written(tmp_path, [line(T + number // 10, "u" * 200) for number in range(20_000)])

    class Measuring(Kept):
        batches = 0

        def read(self) -> None:
            [partition] = loop.counter.partitions.values()
            assert len(partition.log) <= 6 * 10
            assert len(partition.log.uids) <= 2 * 6 * 10
            assert len(loop.counter.windows.open[60]) <= 2
            assert partition.take_rejected() == []
            self.batches += 1

    loop, measuring = FileLoop(Settings()), Measuring()
    loop.run(lines, measuring)
    assert measuring.batches > 10
